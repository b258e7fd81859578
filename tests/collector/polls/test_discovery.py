"""Discovery: whose each project is, by every way there is to tell."""

from pathlib import Path
from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import SMALL, Lab
from tests.double import Double
from tests.double.state import Domain
from tests.edge import Garbage


@pytest.fixture
def alpha(lab: Lab) -> Double:
    """A cloud in which everything lives in the domain Default, some of it in a tree."""
    double = lab.double(size=None)
    double.add_hypervisor("compute-0000")
    top = double.create_project("acme", tags=["openstats:customer=Acme"])
    child = double.create_project("acme-web", parent=top.id, tags=["openstats:group=front", "x"])
    double.create_project("acme-web-db", parent=child.id, tags=["openstats:group=", "y=z"])
    tags = ["openstats:customer=Umbrella", "openstats:group=front", "openstats:group=back"]
    double.create_project("umbrella-1", tags=tags)
    return double


def places(lab: Lab) -> dict[str, str | None]:
    """Give the customer of each tenant by name; None where it belongs to nobody."""
    found = lab.sql(
        "SELECT t.name, c.name FROM tenant t LEFT JOIN project p ON p.id = t.project_id "
        "LEFT JOIN customer c ON c.id = p.customer_id"
    )
    return dict(found)


def groups(lab: Lab) -> set[tuple[str, str, str]]:
    """Give customer, group and project of each membership."""
    return set(
        lab.sql(
            "SELECT c.name, g.name, p.name FROM project_group_member m "
            "JOIN project_group g ON g.id = m.project_group_id "
            "JOIN project p ON p.id = m.project_id JOIN customer c ON c.id = g.customer_id"
        )
    )


WAYS: dict[str, tuple[dict[str, str], dict[str, str | None]]] = {
    "domain": (
        {},
        {"acme": "Default", "acme-web-db": "Default", "elsewhere": "Initech", "service": None},
    ),
    "top-project": (
        {},
        {"acme": "acme", "acme-web": "acme", "acme-web-db": "acme", "umbrella-1": "umbrella-1"},
    ),
    "tag": ({}, {"acme": "Acme", "umbrella-1": "Umbrella", "acme-web": None, "acme-web-db": None}),
    "regex": (
        {"customer_regex": "^(?P<customer>[a-z]+)-"},
        {"acme-web": "acme", "acme-web-db": "acme", "umbrella-1": "umbrella", "acme": None},
    ),
    "regex, with a group that may be empty": (
        {"customer_regex": "^(?P<customer>umb.*)?"},
        {"umbrella-1": "umbrella-1", "acme": None},
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_customers_finds_them(lab: Lab, alpha: Double, way: str) -> None:
    alpha.create_project("elsewhere", alpha.create_domain("Initech").id)
    settings, customers = WAYS[way]
    lab.configure(customer_from=way.partition(",")[0], **settings)
    assert lab.cycle("discovery") == []
    assert places(lab).items() >= customers.items()


def test_top_project_whose_parents_go_in_a_circle(lab: Lab, alpha: Double) -> None:
    lab.configure(customer_from="top-project")
    by_name = {project.name: project for project in alpha.state.projects.values()}
    by_name["acme"].parent_id = by_name["acme-web-db"].id
    assert lab.cycle("discovery") == []
    assert places(lab)["umbrella-1"] == "umbrella-1"


def filed(lab: Lab, document: str) -> Path:
    path = lab.directory / "customers.yaml"
    path.write_text(document)
    return path


def test_file_takes_names_and_ids(lab: Lab, alpha: Double) -> None:
    key = alpha.project("acme-web").id
    path = filed(lab, f"ACME AG: [acme, {key}]\nOther: [umbrella-1]\n")
    lab.configure(customer_from="file", customer_file=str(path))
    assert lab.cycle("discovery") == []
    found = places(lab)
    assert (found["acme"], found["acme-web"]) == ("ACME AG", "ACME AG")
    assert (found["umbrella-1"], found["acme-web-db"]) == ("Other", None)


def test_file_joins_two_keystones(lab: Lab, alpha: Double) -> None:
    beta = lab.double("beta", size=None)
    beta.add_hypervisor("compute-0000")
    beta.boot(beta.create_project("shop").id, SMALL)
    alpha.boot(alpha.project("acme").id, SMALL)
    path = filed(lab, "ACME AG: [acme, shop]\n")
    for cloud in ("alpha", "beta"):
        lab.configure(cloud, customer_from="file", customer_file=str(path))
    assert lab.cycle() == []
    assert expected.customers(lab.store) == {"ACME AG": (2, 0, 2)}


def test_customers_of_the_same_name_in_two_keystones_stay_two(lab: Lab, alpha: Double) -> None:
    lab.double("beta", size=None).create_project("shop")
    assert lab.cycle("discovery") == []
    assert lab.sql("SELECT name FROM customer") == [("Default",), ("Default",)]


def test_tags_make_groups_where_they_may(lab: Lab, alpha: Double) -> None:
    lab.configure(customer_from="tag", group_tags=True)
    assert lab.cycle("discovery") == []
    # acme-web is nobody's, so that its tag makes no group.
    assert groups(lab) == {
        ("Umbrella", "front", "umbrella-1"),
        ("Umbrella", "back", "umbrella-1"),
    }


def test_tags_make_no_groups_unless_they_may(lab: Lab, alpha: Double) -> None:
    assert lab.cycle("discovery") == []
    assert groups(lab) == set()
    assert lab.sql("SELECT name FROM project_group") == []


def test_a_tag_that_goes_takes_the_project_out_of_its_group(lab: Lab, alpha: Double) -> None:
    lab.configure(group_tags=True)
    lab.cycle("discovery")
    assert len(groups(lab)) == 3
    tagged = alpha.project("umbrella-1")
    tagged.tags.remove("openstats:group=back")
    assert lab.cycle("discovery", after=600) == []
    assert groups(lab) == {
        ("Default", "front", "umbrella-1"),
        ("Default", "front", "acme-web"),
    }


def test_excluded_by_name_or_id(lab: Lab, alpha: Double) -> None:
    key = alpha.project("acme").id
    lab.configure(exclude_projects=f"umbrella-1, {key}")
    assert lab.cycle("discovery") == []
    found = places(lab)
    assert {name for name, owner in found.items() if owner is None} == {"umbrella-1", "acme"}
    assert found["admin"] == "Default"


def test_another_name_is_no_other_project(lab: Lab, alpha: Double) -> None:
    lab.cycle("discovery")
    before = lab.sql("SELECT id, uuid FROM project WHERE name = 'umbrella-1'")
    project = alpha.project("umbrella-1")
    project.name = "umbrella-2"
    alpha.state.domains["default"].name = "Standard"
    assert lab.cycle("discovery", after=600) == []
    assert lab.sql("SELECT id, uuid FROM project WHERE name = 'umbrella-2'") == before
    assert places(lab)["umbrella-2"] == "Standard"


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (
            {"customer_from": "regex", "customer_regex": "("},
            "customer_regex = (: must be a reg",
        ),
        (
            {"customer_from": "regex", "customer_regex": "a"},
            "must be a regular expression with a group named customer",
        ),
        ({"customer_from": "file", "customer_file": "/nowhere"}, "customer_file '/nowhere' cannot"),
        ({"customer_from": "file"}, "customer_from = file requires customer_file"),
        ({"customer_from": "regex"}, "customer_from = regex requires customer_regex"),
    ],
)
def test_a_setting_that_cannot_be_used(
    lab: Lab, alpha: Double, told: dict[str, Any], said: str
) -> None:
    lab.configure(**told)
    (error,) = lab.cycle("discovery")
    assert said in error
    assert lab.outcome("discovery").error == error
    assert lab.outcome("discovery").polled_at is None
    assert places(lab) == {}


@pytest.mark.parametrize(
    "document",
    [b"- a\n- b\n", b"a: [b\n", b"a:\n", b"\x00", b"a: [\xff]", b"x" * 256 + b": [acme]\n"],
)
def test_a_file_that_cannot_be_used_is_an_error(lab: Lab, alpha: Double, document: bytes) -> None:
    path = filed(lab, "")
    path.write_bytes(document)
    lab.configure(customer_from="file", customer_file=str(path))
    (error,) = lab.cycle("discovery")
    assert "customers.yaml' cannot be used: " in error


def test_projects_of_a_disabled_domain_count_while_they_hold_resources(
    lab: Lab, alpha: Double
) -> None:
    alpha.state.domains["d1"] = Domain("d1", "Initech", enabled=False)
    empty, busy = (alpha.create_project(name, "d1").id for name in ("empty", "busy"))
    alpha.boot(busy, SMALL)
    assert lab.cycle() == []
    assert expected.customers(lab.store)["Initech"] == (1, 0, 1)
    enabled = dict(lab.sql("SELECT tenant_id, enabled FROM tenant"))
    assert (enabled[empty], enabled[busy]) == (0, 0)


def test_a_file_is_read_again(lab: Lab, alpha: Double) -> None:
    path = filed(lab, "Acme: acme\n")
    lab.configure(customer_from="file", customer_file=str(path))
    assert lab.cycle("discovery") == []
    assert places(lab)["acme"] == "Acme"
    path.write_text("Other: acme\n")
    assert lab.cycle("discovery", after=600) == []
    assert places(lab)["acme"] == "Other"


def test_a_namesake_in_another_domain_is_told_of(lab: Lab, alpha: Double) -> None:
    alpha.create_project("acme", alpha.create_domain("Initech").id)
    lab.configure(customer_from="file", customer_file=str(filed(lab, "Acme: acme\n")))
    (error,) = lab.cycle("discovery")
    assert "Default/acme" in error
    assert "Initech/acme" in error
    assert lab.sql("SELECT count(*) FROM project") == [(1,)]
    assert lab.outcome("discovery").polled_at


def test_empty_project_list_is_an_error(lab: Lab, alpha: Double) -> None:
    lab.cycle("discovery")
    before = places(lab)
    lab.edge.rule("GET .*/v3/projects", Garbage(b'{"projects": [], "links": {}}'))
    for _ in range(2):
        (said,) = lab.cycle("discovery")
        assert "alpha: Keystone shows this user no project" in said
    assert places(lab) == before
    assert lab.sql("SELECT count(*) FROM tenant WHERE deleted_at IS NOT NULL") == [(0,)]


def test_the_catalogs_identity_endpoint_is_another_name_of_the_cloud(
    lab: Lab, alpha: Double
) -> None:
    public = alpha.auth_url.replace("127.0.0.1", "localhost")
    alpha.site.catalog[:] = [
        each._replace(url=public) if each.type == "identity" else each
        for each in alpha.site.catalog
    ]
    lab.configure(auth_url_aliases=["HTTPS://Old.example:443/v2.0/"])
    assert lab.cycle("discovery") == []
    own = alpha.auth_url.removesuffix("/v3")
    known = {url for (url,) in lab.sql("SELECT url FROM cloud_url")}
    assert known == {own, own.replace("127.0.0.1", "localhost"), "https://old.example"}
