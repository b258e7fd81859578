"""Keystone's list of projects: a part of it is never taken for the whole."""

import json
import re
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, SOON, Lab
from tests.collector.odd import first_item, of_item, only
from tests.double import Double
from tests.edge import Garbage, Status

PROJECTS, BY_ID = r"/v3/projects(\?|$)", "/v3/projects/"
TREE = 9
"""Projects in the cloud below, beside admin and service."""


def grown(lab: Lab, **settings: Any) -> Double:
    """Make a cloud with projects in a tree and in two domains, each with a server."""
    double = lab.double(size=None, **settings)
    double.add_hypervisor("compute-0000")
    other = double.create_domain("Initech").id
    parents = [None, None, None]
    for number in range(TREE):
        domain = "default" if number < TREE - 2 else other
        parent = parents[number % 3] if domain == "default" else None
        project = double.create_project(f"p{number}", domain, parent=parent)
        parents[number % 3] = project.id
        double.boot(project.id, SMALL)
    return double


def living(lab: Lab) -> int:
    ((number,),) = lab.sql("SELECT count(*) FROM tenant WHERE deleted_at IS NULL AND name <> ''")
    return number


CUTS = {
    "max_db_limit": {"max_db_limit": 3},
    "list_limit": {"list_limit": 3},
    "list_limit below max_db_limit": {"list_limit": 4, "max_db_limit": 5},
    "list_limit without pages, by domain": {"list_limit": 9, "identity_pages": False},
    "list_limit without pages, by parent": {"list_limit": 6, "identity_pages": False},
}


@pytest.mark.parametrize("settings", CUTS.values(), ids=CUTS)
def test_a_keystone_that_cuts_its_list_is_read_whole(lab: Lab, settings: dict[str, Any]) -> None:
    double = grown(lab, **settings)
    for _ in range(3):
        assert lab.cycle(after=4000) == []
    assert living(lab) == TREE + 2
    assert expected.customers(lab.store) == {"Default": (7, 0, 7), "Initech": (2, 0, 2)}
    assert expected.known_quotas(lab.store) == expected.quotas(double)


def test_a_keystone_that_cuts_every_list_is_an_error(lab: Lab) -> None:
    grown(lab, list_limit=3, identity_pages=False)
    (said,) = lab.cycle("discovery")
    assert "Keystone's projects: cut by the service after page 1" in said
    assert lab.sql("SELECT count(*) FROM tenant") == [(0,)]


@pytest.mark.parametrize("shown", [0, 1, 6, 10])
def test_a_part_of_the_list_is_no_list(lab: Lab, shown: int) -> None:
    """Nothing says that it was cut; Keystone knows the others by their ids."""
    grown(lab)
    assert lab.cycle() == []
    with lab.edge.during(PROJECTS, only("projects", shown)):
        for _ in range(3):
            (said,) = lab.cycle("discovery", after=4000)
            assert "alpha: Keystone" in said
            if shown:
                assert f"is cut: it leaves out {TREE + 2 - shown} of the known projects" in said
    assert living(lab) == TREE + 2
    assert lab.cycle("discovery", after=4000) == []


def cut_for(double: Double, *, domain: str = "") -> Any:
    """Return a rule and an action by which Keystone's list, or that of a domain, has one project.

    Nothing in it says that there are more.
    """
    last = max(double.state.projects)
    only = json.dumps({"projects": [{"id": last, "name": "x", "domain_id": "default"}]}).encode()
    return rf"/v3/projects\?{domain}(limit|marker)", Garbage(only)


def test_the_list_of_a_domain_tells_of_a_first_list_that_was_cut(lab: Lab) -> None:
    with lab.edge.during(*cut_for(grown(lab))):
        (said,) = lab.cycle("discovery")
    assert "alpha: Keystone's projects: the list of all is cut: that of domain " in said
    assert "look for list_limit and max_db_limit in keystone.conf" in said
    assert lab.sql("SELECT count(*) FROM tenant") == [(0,)]
    assert lab.cycle("discovery") == []
    assert lab.asked(r"/v3/projects\?") == 1 + 2
    assert lab.cycle("discovery", after=4000) == []
    assert lab.asked(r"/v3/projects\?") == 1


@pytest.mark.parametrize("held", ["server", "volume"])
def test_tenants_that_others_show_tell_of_a_first_list_that_was_cut(lab: Lab, held: str) -> None:
    double = grown(lab)
    if held == "volume":
        for server in [*double.state.servers.values()]:
            double.create_volume(server.tenant_id, 1)
            double.delete_server(server.id)
    lab.clock.advance(SOON)
    with lab.edge.during(*cut_for(double, domain="(domain_id=[^&]*&)?")):
        for kinds in (("discovery", "instances", "volumes"), ("instances", "volumes")):
            (said,) = lab.cycle(*kinds)
            assert f"it leaves out {TREE - 1} tenants that have older {held}s; " in said
            assert "by id; discovery is due" in said
        (said,) = lab.cycle("discovery")
    assert "Keystone's list of projects is cut" in said
    assert lab.cycle(after=SOON) == []
    assert living(lab) == TREE + 2


def test_a_tenant_that_came_since_is_no_cut_list(lab: Lab) -> None:
    double = grown(lab)
    assert lab.cycle() == []
    lab.clock.advance(SOON)
    double.boot(double.create_project("new", "default").id, SMALL)
    gone = double.create_project("gone", "default")
    double.boot(gone.id, SMALL)
    double.delete_project(gone.id)
    assert lab.cycle("instances", after=SOON) == []


def test_a_project_that_is_gone_is_asked_for_by_its_id(lab: Lab) -> None:
    double = grown(lab)
    assert lab.cycle() == []
    double.delete_project(double.project("p8").id)
    assert lab.cycle("discovery", after=4000) == []
    assert lab.asked(BY_ID) == 1
    assert lab.cycle("discovery", after=4000) == []
    assert living(lab) == TREE + 1


def test_projects_that_cannot_be_looked_up_are_gone_after_two_full_lists(lab: Lab) -> None:
    double = grown(lab)
    assert lab.cycle() == []
    double.delete_project(double.project("p8").id)
    lab.edge.rule(BY_ID, Status(403, {}, b"{}"))
    for _ in range(2):
        assert lab.cycle("discovery", after=4000) == []
    assert living(lab) == TREE + 1


@pytest.mark.parametrize("values", [{"name": None}, {"domain_id": 7}, {"tags": 7}, {"id": None}])
def test_one_odd_project_takes_no_other_along(lab: Lab, values: dict[str, Any]) -> None:
    grown(lab)
    assert lab.cycle() == []
    with lab.edge.during(PROJECTS, first_item("projects", **values)):
        for _ in range(3):
            (said,) = lab.cycle("discovery", after=4000)
            assert re.search(
                r"alpha: (1 project|[23] projects) cannot be read and (is|are) left out.*: project",
                said,
            )
    assert living(lab) == TREE + 2
    assert lab.outcome("discovery").polled_at == int(lab.clock.now)
    assert lab.cycle("discovery", after=4000) == []


def test_a_domain_that_is_not_listed_is_asked_for_by_its_id(lab: Lab) -> None:
    grown(lab)
    only = json.dumps({"domains": [{"id": "default", "name": "Default"}]}).encode()
    lab.edge.rule(r"/v3/domains(\?|$)", Garbage(only))
    assert lab.cycle() == []
    assert expected.customers(lab.store) == {"Default": (7, 0, 7), "Initech": (2, 0, 2)}
    assert lab.asked("/v3/domains/") == 1


def test_an_odd_domain_is_no_name_of_a_customer(lab: Lab) -> None:
    double = grown(lab)
    assert lab.cycle() == []
    (other,) = double.state.domains.keys() - {"default"}
    with lab.edge.during(r"/v3/domains(\?|$)", of_item("domains", other, name=None)):
        (said,) = lab.cycle("discovery", after=4000)
    assert "2 projects cannot be read and are left out" in said
    assert expected.customers(lab.store) == {"Default": (7, 0, 7), "Initech": (2, 0, 2)}


def test_projects_below_an_odd_one_stay_where_they_were(lab: Lab) -> None:
    double = grown(lab)
    lab.configure(customer_from="top-project")
    assert lab.cycle() == []
    query = (
        "SELECT p.name, c.name FROM project p JOIN customer c ON c.id = p.customer_id ORDER BY 1"
    )
    before = lab.sql(query)
    top = double.project("p0").id
    with lab.edge.during(PROJECTS, of_item("projects", top, name=None)):
        (said,) = lab.cycle("discovery", after=4000)
    # p0, p3 below it, and p6 below that.
    assert "3 projects cannot be read and are left out" in said
    assert lab.sql(query) == before
    assert living(lab) == TREE + 2
