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


def test_one_of_several_values_is_enough(writable_app: TestApp) -> None:
    assert names(writable_app, "projects", "name=lab&name=shop&name=nothing") == ["lab", "shop"]
    assert names(writable_app, "clouds", "region=two&region=one") == ["alpha:one", "alpha:two"]
    acme, umbrella = uuids(writable_app, "customers").values()
    assert names(writable_app, "projects", f"customer={acme}&customer={umbrella}&name=lab") == [
        "lab"
    ]
    projects = uuids(writable_app, "projects")
    query = f"project={projects['lab']}&project=null"
    assert names(writable_app, "tenants", query) == ["admin", "lab"]
    alerts = writable_app.get("/api/alerts/?severity=Info&severity=Error").json["alerts"]
    assert {alert["severity"] for alert in alerts} == {"Info", "Error"}
    group, other = uuids(writable_app, "project-groups").values()
    found = writable_app.get(f"/api/alerts/?project_group={group}&project_group={other}").json[
        "alerts"
    ]
    assert [alert["severity"] for alert in found] == ["Error"]


@pytest.mark.parametrize("kind", ["customers", "projects", "tenants", "instances", "alerts"])
def test_a_thousand_values_fit_and_not_one_more(writable_app: TestApp, kind: str) -> None:
    many = "&".join(f"uuid={number:032x}" for number in range(1000))
    (listed,) = writable_app.get(f"/api/{kind}/?{many}&limit=1000").json.values()
    assert listed == []
    answer = writable_app.get(f"/api/{kind}/?{many}&uuid={UNKNOWN}", status=400)
    assert answer.json["errors"][0]["detail"].startswith("uuid=")


def test_a_status_is_compared_without_case(writable_app: TestApp) -> None:
    active = names(writable_app, "instances", "status=ACTIVE")
    assert active
    assert names(writable_app, "instances", "status=active") == active


@pytest.mark.parametrize("kind", ["project", "customer"])
def test_instances_of_what_owns_them(writable_app: TestApp, kind: str) -> None:
    owners = uuids(writable_app, f"{kind}s")
    tenants = {
        tenant["uuid"]: tenant for tenant in writable_app.get("/api/tenants/").json["tenants"]
    }
    projects = {
        entry["uuid"]: entry for entry in writable_app.get("/api/projects/").json["projects"]
    }
    every = writable_app.get("/api/instances/").json["instances"]
    for uuid in owners.values():
        expected = []
        for entry in every:
            project = tenants[entry["tenant"]]["project"]
            owner = project and (project if kind == "project" else projects[project]["customer"])
            expected += [entry] * (owner == uuid)
        assert writable_app.get(f"/api/instances/?{kind}={uuid}").json["instances"] == expected
    query = urlencode([(kind, uuid) for uuid in owners.values()])
    # One has a tenant that belongs to no project.
    assert len(writable_app.get(f"/api/instances/?{query}").json["instances"]) == len(every) - 1
    assert writable_app.get(f"/api/instances/?{kind}={UNKNOWN}").json["instances"] == []


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
    writable_app: TestApp, store: Store, part: str, expected: list[str]
) -> None:
    with store.transaction() as db:
        extra = site(db, "extra", region="three")
        for name in ("web_1", "web 100%", "Web-Übung", "株式会社　山田"):
            extra.project(name, groups=[f"{name} group"])
        extra.discover()
    assert sorted(names(writable_app, "tenants", f"name~={quote(part)}")) == expected
    assert sorted(names(writable_app, "projects", f"name~={quote(part)}")) == expected


def test_a_part_of_a_name_beside_other_filters(writable_app: TestApp) -> None:
    assert names(writable_app, "projects", "name~=O&name=blog&name=lab") == ["blog"]
    assert names(writable_app, "projects", "name_contains=O&name=blog&name=lab") == ["blog"]
    acme = uuids(writable_app, "customers")["acme"]
    assert names(writable_app, "projects", f"name~=b&customer={acme}") == ["blog"]
