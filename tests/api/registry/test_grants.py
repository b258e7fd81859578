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
    writable_app: TestApp, spelled: str
) -> None:
    for path in ("/api/customers/", "/api/stats/quota/"):
        assert any(writable_app.get(path).json.values())
        assert not any(writable_app.get(f"{path}?{spelled}").json.values())
    writable_app.get(f"/api/stats/resource/?{spelled}", status=403)
    writable_app.post_json(f"/api/customers/?{spelled}", {"name": "x"}, status=403)


def test_from_creation_to_deletion(writable_app: TestApp) -> None:
    answer = granted(writable_app, "owner", "customer", user_id="u")
    grant, place = answer.json, answer.headers["Location"]
    assert answer.status_int == 201
    assert writable_app.get(place).json == grant
    assert writable_app.get("/api/grants/").json == {"grants": [grant]}
    blog = uuid_of(writable_app, "projects", "blog")
    body = {"group_id": "g", "role": "manager", "scope": {"project": blog}}
    replaced = writable_app.put_json(place, body, status=200).json
    assert replaced == body | {"uuid": grant["uuid"]}
    writable_app.put_json(place, replaced, status=200)
    writable_app.delete(place, status=204)
    writable_app.get(place, status=404)
    writable_app.put_json(url("grants", UNKNOWN), body, status=201)
    actions = ["create", "change", "delete"]
    expected = [("grant", action, grant["uuid"]) for action in actions]
    assert audited(writable_app) == [*expected, ("grant", "create", UNKNOWN)]


@pytest.mark.parametrize("kind", POSSIBLE)
@pytest.mark.parametrize("role", ["owner", "manager", "admin", "reader"])
def test_roles_and_what_they_are_on(writable_app: TestApp, role: str, kind: str) -> None:
    answer = granted(writable_app, role, kind)
    assert answer.status_int == (201 if role in POSSIBLE[kind] else 400)
    if answer.status_int == 400:
        assert answer.json["errors"][0]["detail"].startswith(f"role={role}")


def test_there_has_to_be_what_it_is_on(writable_app: TestApp) -> None:
    for kind, roles in POSSIBLE.items():
        body = {"subject": "jane", "role": roles[0], "scope": {kind: UNKNOWN}}
        assert UNKNOWN in conflict(writable_app.post_json("/api/grants/", body, status=409))
    gone = writable_app.post_json("/api/customers/", {"name": "x"}).json["uuid"]
    writable_app.delete(url("customers", gone))
    body = {"subject": "jane", "role": "owner", "scope": {"customer": gone}}
    conflict(writable_app.post_json("/api/grants/", body, status=409))


def test_deletion_revokes_grants(writable_app: TestApp) -> None:
    made = writable_app.post_json("/api/customers/", {"name": "x"}).json
    body = {"subject": "jane", "role": "owner", "scope": {"customer": made["uuid"]}}
    grant = writable_app.post_json("/api/grants/", body).json
    writable_app.delete(url("customers", made["uuid"]), status=204)
    assert writable_app.get("/api/grants/").json == {"grants": []}
    assert audited(writable_app)[-2:] == [
        ("customer", "delete", made["uuid"]),
        ("grant", "delete", grant["uuid"]),
    ]
    (gone,) = writable_app.get("/api/audit/?kind=grant&action=delete").json["audit"]
    assert gone["before"] == grant


def seen(api: TestApp, kind: str) -> set[str]:
    return set(entries(api, kind, JANE))


def test_caller_without_grants_sees_nothing(writable_app: TestApp) -> None:
    for kind in ("customers", "project-groups", "projects", "tenants", "clouds", "instances"):
        assert seen(writable_app, kind) == set()


def test_the_owner_of_a_customer(writable_app: TestApp) -> None:
    granted(writable_app, "owner", "customer")
    assert seen(writable_app, "customers") == {"acme"}
    assert seen(writable_app, "projects") == {"blog", "shop"}
    assert seen(writable_app, "project-groups") == {"db", "web"}
    assert seen(writable_app, "tenants") == {"blog", "shop"}
    assert len(writable_app.get(f"/api/instances/?{JANE}").json["instances"]) == 4


def test_the_manager_of_a_project(writable_app: TestApp) -> None:
    granted(writable_app, "manager", "project")
    assert seen(writable_app, "customers") == {"acme"}
    assert seen(writable_app, "projects") == {"blog"}
    web = entries(writable_app, "project-groups", JANE)["web"]
    blog = entries(writable_app, "projects", JANE)["blog"]
    assert (web["projects"], blog["project_groups"]) == ([blog["uuid"]], [web["uuid"]])
    assert seen(writable_app, "tenants") == {"blog"}
    shop = uuid_of(writable_app, "projects", "shop")
    writable_app.get(f"{url('projects', shop)}?{JANE}", status=404)
    writable_app.get(f"{url('projects', blog['uuid'])}?{JANE}", status=200)


def test_of_clouds_others_see_the_name(writable_app: TestApp) -> None:
    granted(writable_app, "manager", "project")
    one = uuid_of(writable_app, "clouds", "alpha:one")
    (cloud,) = writable_app.get(f"/api/clouds/?{JANE}").json["clouds"]
    assert cloud == {"uuid": one, "name": "alpha:one"}
    assert writable_app.get(f"/api/clouds/{one}/?{JANE}").json == cloud
    two = uuid_of(writable_app, "clouds", "alpha:two")
    writable_app.get(f"/api/clouds/{two}/?{JANE}", status=404)
    assert writable_app.get(f"/api/clouds/?region=one&{JANE}").json == {"clouds": []}


def test_others_write_nothing_and_see_no_secrets(writable_app: TestApp) -> None:
    granted(writable_app, "owner", "customer")
    acme = url("customers", uuid_of(writable_app, "customers", "acme"))
    writable_app.patch_json(f"{acme}?{JANE}", {"name": "x"}, status=403)
    writable_app.put_json(f"{acme}?{JANE}", {"name": "x"}, status=403)
    writable_app.delete(f"{acme}?{JANE}", status=403)
    writable_app.post_json(f"/api/customers/?{JANE}", {"name": "x"}, status=403)
    for kind in ("grants", "audit"):
        writable_app.get(f"/api/{kind}/?{JANE}", status=403)
        writable_app.get(f"/api/{kind}/{UNKNOWN}/?{JANE}", status=403)
