"""Filters of lists: several values, parts of names, and instances by what owns them."""

from urllib.parse import quote, urlencode

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from tests.api.world import UNKNOWN, fill
from tests.registry import site


@pytest.fixture(autouse=True)
def world(store: Store) -> None:
    with store.transaction() as db:
        fill(db)


def names(api: TestApp, kind: str, query: str) -> list[str]:
    found = api.get(f"/api/{kind}/?{query}").json[kind.replace("-", "_")]
    return [entry["name"] for entry in found]


def uuids(api: TestApp, kind: str) -> dict[str, str]:
    found = api.get(f"/api/{kind}/").json[kind.replace("-", "_")]
    return {entry["name"]: entry["uuid"] for entry in found}


def test_one_of_several_values_is_enough(own: TestApp) -> None:
    assert names(own, "projects", "name=lab&name=shop&name=nothing") == ["lab", "shop"]
    assert names(own, "clouds", "region=two&region=one") == ["alpha:one", "alpha:two"]
    acme, umbrella = uuids(own, "customers").values()
    assert names(own, "projects", f"customer={acme}&customer={umbrella}&name=lab") == ["lab"]
    projects = uuids(own, "projects")
    query = f"project={projects['lab']}&project=null"
    assert names(own, "tenants", query) == ["admin", "lab"]
    alerts = own.get("/api/alerts/?severity=Info&severity=Error").json["alerts"]
    assert {alert["severity"] for alert in alerts} == {"Info", "Error"}
    group, other = uuids(own, "project-groups").values()
    found = own.get(f"/api/alerts/?project_group={group}&project_group={other}").json["alerts"]
    assert [alert["severity"] for alert in found] == ["Error"]


@pytest.mark.parametrize("kind", ["customers", "projects", "tenants", "instances", "alerts"])
def test_a_thousand_values_fit_and_not_one_more(own: TestApp, kind: str) -> None:
    many = "&".join(f"uuid={number:032x}" for number in range(1000))
    (listed,) = own.get(f"/api/{kind}/?{many}&limit=1000").json.values()
    assert listed == []
    answer = own.get(f"/api/{kind}/?{many}&uuid={UNKNOWN}", status=400)
    assert answer.json["errors"][0]["detail"].startswith("uuid=")


def test_a_status_is_compared_without_case(own: TestApp) -> None:
    active = names(own, "instances", "status=ACTIVE")
    assert active
    assert names(own, "instances", "status=active") == active


@pytest.mark.parametrize("kind", ["project", "customer"])
def test_instances_of_what_owns_them(own: TestApp, kind: str) -> None:
    owners = uuids(own, f"{kind}s")
    tenants = {tenant["uuid"]: tenant for tenant in own.get("/api/tenants/").json["tenants"]}
    projects = {entry["uuid"]: entry for entry in own.get("/api/projects/").json["projects"]}
    every = own.get("/api/instances/").json["instances"]
    for uuid in owners.values():
        expected = []
        for entry in every:
            project = tenants[entry["tenant"]]["project"]
            owner = project and (project if kind == "project" else projects[project]["customer"])
            expected += [entry] * (owner == uuid)
        assert own.get(f"/api/instances/?{kind}={uuid}").json["instances"] == expected
    query = urlencode([(kind, uuid) for uuid in owners.values()])
    # One has a tenant that belongs to no project.
    assert len(own.get(f"/api/instances/?{query}").json["instances"]) == len(every) - 1
    assert own.get(f"/api/instances/?{kind}={UNKNOWN}").json["instances"] == []


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("web", ["Web-Übung", "web 100%", "web_1"]),
        ("WEB", ["Web-Übung", "web 100%", "web_1"]),
        ("ÜBUNG", ["Web-Übung"]),
        ("übung", ["Web-Übung"]),
        ("%", ["web 100%"]),
        ("_", ["web_1"]),
        ("株式", ["株式会社　山田"]),
        ("\\", []),
        ("'", []),
        ("nothing", []),
    ],
)
def test_a_part_of_a_name_is_found_in_letters_of_either_case(
    own: TestApp, store: Store, part: str, expected: list[str]
) -> None:
    with store.transaction() as db:
        extra = site(db, "extra", region="three")
        for name in ("web_1", "web 100%", "Web-Übung", "株式会社　山田"):
            extra.project(name, groups=[f"{name} group"])
        extra.discover()
    assert sorted(names(own, "tenants", f"name~={quote(part)}")) == expected
    assert sorted(names(own, "projects", f"name~={quote(part)}")) == expected


def test_a_part_of_a_name_beside_other_filters(own: TestApp) -> None:
    assert names(own, "projects", "name~=O&name=blog&name=lab") == ["blog"]
    assert names(own, "projects", "name_contains=O&name=blog&name=lab") == ["blog"]
    acme = uuids(own, "customers")["acme"]
    assert names(own, "projects", f"name~=b&customer={acme}") == ["blog"]
