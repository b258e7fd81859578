"""Grants over HTTP, and what those see to whom something is granted."""

from typing import Any

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from tests.api.registry.writing import audited, conflict, entries, url, uuid_of
from tests.api.world import UNKNOWN, fill

POSSIBLE = {
    "customer": ("owner",),
    "project_group": ("manager",),
    "project": ("admin", "manager"),
    "cloud": ("admin",),
}
PLACES = {
    "customer": ("customers", "acme"),
    "project_group": ("project-groups", "web"),
    "project": ("projects", "blog"),
    "cloud": ("clouds", "alpha:one"),
}
JANE = "on_behalf_of=jane"


@pytest.fixture(autouse=True)
def world(store: Store) -> None:
    with store.transaction() as db:
        fill(db)


def granted(api: TestApp, role: str, kind: str, **to: str) -> Any:
    scope = {kind: uuid_of(api, *PLACES[kind])}
    return api.post_json(
        "/api/grants/", {**(to or {"subject": "jane"}), "role": role, "scope": scope}, status="*"
    )


@pytest.mark.parametrize(
    "spelled", ["on_behalf_of=jane", "on%5Fbehalf%5Fof=jane", "%6fn_behalf_of=j%61ne"]
)
def test_however_it_is_spelled_who_asks_for_a_subject_sees_no_more(
    own: TestApp, spelled: str
) -> None:
    for path in ("/api/customers/", "/api/stats/quota/"):
        assert any(own.get(path).json.values())
        assert not any(own.get(f"{path}?{spelled}").json.values())
    own.get(f"/api/stats/resource/?{spelled}", status=403)
    own.post_json(f"/api/customers/?{spelled}", {"name": "x"}, status=403)


def test_from_creation_to_deletion(own: TestApp) -> None:
    answer = granted(own, "owner", "customer", user_id="u")
    grant, place = answer.json, answer.headers["Location"]
    assert answer.status_int == 201
    assert own.get(place).json == grant
    assert own.get("/api/grants/").json == {"grants": [grant]}
    blog = uuid_of(own, "projects", "blog")
    body = {"group_id": "g", "role": "manager", "scope": {"project": blog}}
    replaced = own.put_json(place, body, status=200).json
    assert replaced == body | {"uuid": grant["uuid"]}
    own.put_json(place, replaced, status=200)
    own.delete(place, status=204)
    own.get(place, status=404)
    own.put_json(url("grants", UNKNOWN), body, status=201)
    actions = ["create", "change", "delete"]
    expected = [("grant", action, grant["uuid"]) for action in actions]
    assert audited(own) == [*expected, ("grant", "create", UNKNOWN)]


@pytest.mark.parametrize("kind", POSSIBLE)
@pytest.mark.parametrize("role", ["owner", "manager", "admin", "reader"])
def test_roles_and_what_they_are_on(own: TestApp, role: str, kind: str) -> None:
    answer = granted(own, role, kind)
    assert answer.status_int == (201 if role in POSSIBLE[kind] else 400)
    if answer.status_int == 400:
        assert answer.json["errors"][0]["detail"].startswith(f"role={role}")


def test_there_has_to_be_what_it_is_on(own: TestApp) -> None:
    for kind, roles in POSSIBLE.items():
        body = {"subject": "jane", "role": roles[0], "scope": {kind: UNKNOWN}}
        assert UNKNOWN in conflict(own.post_json("/api/grants/", body, status=409))
    gone = own.post_json("/api/customers/", {"name": "x"}).json["uuid"]
    own.delete(url("customers", gone))
    body = {"subject": "jane", "role": "owner", "scope": {"customer": gone}}
    conflict(own.post_json("/api/grants/", body, status=409))


def test_deletion_revokes_grants(own: TestApp) -> None:
    made = own.post_json("/api/customers/", {"name": "x"}).json
    body = {"subject": "jane", "role": "owner", "scope": {"customer": made["uuid"]}}
    grant = own.post_json("/api/grants/", body).json
    own.delete(url("customers", made["uuid"]), status=204)
    assert own.get("/api/grants/").json == {"grants": []}
    assert audited(own)[-2:] == [
        ("customer", "delete", made["uuid"]),
        ("grant", "delete", grant["uuid"]),
    ]
    (gone,) = own.get("/api/audit/?kind=grant&action=delete").json["audit"]
    assert gone["before"] == grant


def seen(api: TestApp, kind: str) -> set[str]:
    return set(entries(api, kind, JANE))


def test_caller_without_grants_sees_nothing(own: TestApp) -> None:
    for kind in ("customers", "project-groups", "projects", "tenants", "clouds", "instances"):
        assert seen(own, kind) == set()


def test_the_owner_of_a_customer(own: TestApp) -> None:
    granted(own, "owner", "customer")
    assert seen(own, "customers") == {"acme"}
    assert seen(own, "projects") == {"blog", "shop"}
    assert seen(own, "project-groups") == {"db", "web"}
    assert seen(own, "tenants") == {"blog", "shop"}
    assert len(own.get(f"/api/instances/?{JANE}").json["instances"]) == 4


def test_the_manager_of_a_project(own: TestApp) -> None:
    granted(own, "manager", "project")
    assert seen(own, "customers") == {"acme"}
    assert seen(own, "projects") == {"blog"}
    web = entries(own, "project-groups", JANE)["web"]
    blog = entries(own, "projects", JANE)["blog"]
    assert (web["projects"], blog["project_groups"]) == ([blog["uuid"]], [web["uuid"]])
    assert seen(own, "tenants") == {"blog"}
    shop = uuid_of(own, "projects", "shop")
    own.get(f"{url('projects', shop)}?{JANE}", status=404)
    own.get(f"{url('projects', blog['uuid'])}?{JANE}", status=200)


def test_of_clouds_others_see_the_name(own: TestApp) -> None:
    granted(own, "manager", "project")
    one = uuid_of(own, "clouds", "alpha:one")
    (cloud,) = own.get(f"/api/clouds/?{JANE}").json["clouds"]
    assert cloud == {"uuid": one, "name": "alpha:one"}
    assert own.get(f"/api/clouds/{one}/?{JANE}").json == cloud
    two = uuid_of(own, "clouds", "alpha:two")
    own.get(f"/api/clouds/{two}/?{JANE}", status=404)
    assert own.get(f"/api/clouds/?region=one&{JANE}").json == {"clouds": []}


def test_others_write_nothing_and_see_no_secrets(own: TestApp) -> None:
    granted(own, "owner", "customer")
    acme = url("customers", uuid_of(own, "customers", "acme"))
    own.patch_json(f"{acme}?{JANE}", {"name": "x"}, status=403)
    own.put_json(f"{acme}?{JANE}", {"name": "x"}, status=403)
    own.delete(f"{acme}?{JANE}", status=403)
    own.post_json(f"/api/customers/?{JANE}", {"name": "x"}, status=403)
    for kind in ("grants", "audit"):
        own.get(f"/api/{kind}/?{JANE}", status=403)
        own.get(f"/api/{kind}/{UNKNOWN}/?{JANE}", status=403)
