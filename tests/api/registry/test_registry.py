"""The registry over HTTP: customers, project groups, projects, and what links tenants to them."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.registry.writing import MINE, audited, conflict, created, entries, rows, url, uuid_of
from tests.api.world import CLOCK, UNKNOWN, fill
from tests.registry import NOW, Site, site

KINDS = ("customers", "project-groups", "projects")


@pytest.fixture(autouse=True)
def world(store: Store) -> None:
    with store.transaction() as db:
        fill(db)


def row(store: Store, table: str, uuid: str) -> Any:
    (found,) = [row for row in rows(store, table) if row.uuid == uuid]
    return found


def owner(kind: str, api: TestApp) -> dict[str, str]:
    return {} if kind == "customers" else {"customer": uuid_of(api, "customers", "acme")}


@pytest.mark.parametrize("kind", KINDS)
def test_from_creation_to_deletion(writable_app: TestApp, kind: str) -> None:
    answer = writable_app.post_json(
        url(kind), {"name": "new", **owner(kind, writable_app)}, status=201
    )
    entry, place = answer.json, answer.headers["Location"]
    assert place.endswith(url(kind, entry["uuid"]))
    assert (entry["name"], entry["created_at"]) == ("new", CLOCK)
    assert writable_app.get(place).json == entry == entries(writable_app, kind)["new"]
    changed = writable_app.patch_json(place, {"name": "newer"}).json
    assert changed == entry | {"name": "newer"} == writable_app.get(place).json
    replaced = writable_app.put_json(place, entry | {"name": "newest"}, status=200).json
    assert replaced == entry | {"name": "newest"}
    assert writable_app.delete(place, status=204).body == b""
    assert (
        writable_app.get(place, status=404).json["errors"][0]["code"] == "openstats.object.unknown"
    )
    assert entries(writable_app, kind).keys().isdisjoint({"new", "newer", "newest"})
    one = kind.replace("-", "_").removesuffix("s")
    assert audited(writable_app) == [
        (one, action, entry["uuid"]) for action in ("create", "change", "change", "delete")
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("spelled", [MINE, MINE.replace("-", ""), MINE.upper()])
def test_a_portal_brings_its_own_uuids(writable_app: TestApp, kind: str, spelled: str) -> None:
    body = {"name": "theirs", "created_at": 1415910025, **owner(kind, writable_app)}
    answer = writable_app.put_json(url(kind, spelled), body, status=201)
    assert answer.headers["Location"].endswith(url(kind, MINE))
    assert answer.json["uuid"] == MINE
    assert answer.json["created_at"] == 1415910025
    writable_app.put_json(url(kind, spelled), body | {"uuid": spelled}, status=200)
    assert writable_app.get(f"/api/{kind}/{spelled}").json["name"] == "theirs"
    assert list(entries(writable_app, kind, f"uuid={spelled}")) == ["theirs"]
    writable_app.delete(url(kind, spelled), status=204)


def test_audit_tells_what_was_and_what_is(writable_app: TestApp) -> None:
    answer = writable_app.post_json(url("customers"), {"name": "new"})
    place, uuid = url("customers", answer.json["uuid"]), answer.json["uuid"]
    changing = writable_app.patch_json(place, {"name": "newer"})
    last, first = writable_app.get("/api/audit/").json["audit"]
    assert first == {
        "uuid": first["uuid"],
        "at": CLOCK,
        "who": "noauth",
        "action": "create",
        "kind": "customer",
        "object": uuid,
        "before": None,
        "after": answer.json,
        "request_id": answer.headers["X-Openstack-Request-Id"],
    }
    assert (last["before"], last["after"]) == (answer.json, changing.json)
    assert writable_app.get(url("audit", first["uuid"])).json == first
    writable_app.delete(place)
    (gone,) = writable_app.get("/api/audit/?action=delete").json["audit"]
    assert (gone["before"], gone["after"]) == (changing.json, None)


@pytest.mark.parametrize(("days", "kept"), [(30, ["c"]), (0, ["a", "b", "c"])])
def test_the_audit_forgets_what_is_older_than_it_is_kept(
    store: Store, options: Callable[..., Any], days: int, kept: list[str]
) -> None:
    now = [CLOCK]
    own = TestApp(make_app(options(audit__keep_days=days), store, lambda: now[0]))
    for name in "ab":
        created(own, "customers", name=name)
    now[0] += 30 * 86_400 + 1
    created(own, "customers", name="c")
    found = own.get("/api/audit/").json["audit"]
    assert sorted(entry["after"]["name"] for entry in found) == kept


def test_failed_write_is_not_audited(writable_app: TestApp) -> None:
    acme = url("customers", uuid_of(writable_app, "customers", "acme"))
    writable_app.delete(acme, status=409)
    writable_app.patch_json(acme, {"name": ""}, status=400)
    writable_app.patch_json(acme, {"name": "x"}, headers={"If-Match": '"x"'}, status=412)
    assert audited(writable_app) == []


def test_created_entry_is_marked_by_hand(writable_app: TestApp, store: Store) -> None:
    acme = uuid_of(writable_app, "customers", "acme")
    made = created(writable_app, "projects", name="new", customer=acme)
    found = row(store, "project", made["uuid"])
    assert (found.name_by_hand, found.customer_by_hand, found.keystone) == (True, True, None)


def test_discovery_leaves_what_was_changed(writable_app: TestApp, store: Store) -> None:
    umbrella = uuid_of(writable_app, "customers", "umbrella")
    shop, web = (
        uuid_of(writable_app, "projects", "shop"),
        uuid_of(writable_app, "project-groups", "web"),
    )
    writable_app.patch_json(url("projects", shop), {"name": "store", "customer": umbrella})
    writable_app.patch_json(url("project-groups", web), {"name": "www"})
    tenant = entries(writable_app, "tenants", "name=blog")["blog"]["uuid"]
    writable_app.patch_json(url("tenants", tenant), {"project": None})
    with store.transaction() as db:
        again(site(db, "alpha:one", region="one"))
    assert entries(writable_app, "projects")["store"]["customer"] == umbrella
    # What had the tag of the other group is another customer's now.
    assert set(entries(writable_app, "project-groups")) == {"www"}
    assert entries(writable_app, "tenants", "name=blog")["blog"]["project"] is None


def again(one: Site) -> None:
    """Have discovery find what it found before."""
    one.project("shop", groups=["web", "db"]).project("blog", groups=["web"])
    one.project("lab", customer="umbrella").project("admin", customer=None).discover(CLOCK + 300)


def test_a_project_changes_hands_at_a_time(writable_app: TestApp, store: Store) -> None:
    acme, umbrella = (uuid_of(writable_app, "customers", name) for name in ("acme", "umbrella"))
    shop = uuid_of(writable_app, "projects", "shop")
    changed = writable_app.patch_json(url("projects", shop), {"customer": umbrella}).json
    assert (changed["customer"], changed["project_groups"]) == (umbrella, [])
    (former,) = rows(store, "former_customer")
    assert former.until == CLOCK
    assert former.customer_id == row(store, "customer", acme).id
    assert row(store, "project", shop).customer_since == CLOCK
    writable_app.patch_json(url("projects", shop), {"customer": umbrella})
    assert len(rows(store, "former_customer")) == 1


def test_a_tenant_changes_hands_at_a_time(writable_app: TestApp, store: Store) -> None:
    lab, blog = (uuid_of(writable_app, "projects", name) for name in ("lab", "blog"))
    tenant = entries(writable_app, "tenants", f"project={blog}")["blog"]
    changed = writable_app.patch_json(url("tenants", tenant["uuid"]), {"project": lab}).json
    assert changed == tenant | {"project": lab}
    (former,) = rows(store, "former_project")
    assert (former.until, former.project_id) == (CLOCK, row(store, "project", blog).id)
    found = row(store, "tenant", tenant["uuid"])
    assert (found.project_since, found.project_by_hand) == (CLOCK, True)
    writable_app.patch_json(url("tenants", tenant["uuid"]), {})
    assert len(rows(store, "former_project")) == 1
    assert audited(writable_app)[0] == ("tenant", "change", tenant["uuid"])


def test_a_tenant_is_linked_to_what_is_there(writable_app: TestApp) -> None:
    (tenant,) = entries(writable_app, "tenants", "project=null").values()
    assert tenant["name"] == "admin"
    link = url("tenants", tenant["uuid"])
    assert UNKNOWN in conflict(writable_app.patch_json(link, {"project": UNKNOWN}, status=409))
    made = created(
        writable_app, "projects", name="ops", customer=uuid_of(writable_app, "customers", "acme")
    )
    writable_app.patch_json(link, {"project": made["uuid"]})
    assert "tenants" in conflict(writable_app.delete(url("projects", made["uuid"]), status=409))
    writable_app.patch_json(link, {"project": None})
    writable_app.delete(url("projects", made["uuid"]), status=204)


def test_groups_are_filled_from_both_sides(writable_app: TestApp) -> None:
    acme = uuid_of(writable_app, "customers", "acme")
    blog, shop = (uuid_of(writable_app, "projects", name) for name in ("blog", "shop"))
    group = created(
        writable_app, "project-groups", name="all", customer=acme, projects=[blog, shop]
    )
    assert group["projects"] == sorted([blog, shop])
    assert group["uuid"] in writable_app.get(url("projects", blog)).json["project_groups"]
    writable_app.patch_json(url("projects", blog), {"project_groups": []})
    assert writable_app.get(url("project-groups", group["uuid"])).json["projects"] == [shop]
    writable_app.patch_json(url("projects", blog), {"project_groups": [group["uuid"].upper()] * 2})
    assert (
        writable_app.get(url("project-groups", group["uuid"])).json["projects"] == group["projects"]
    )
    replaced = writable_app.put_json(
        url("project-groups", group["uuid"]), {"name": "all", "customer": acme}
    )
    assert replaced.json["projects"] == []


def test_a_group_holds_projects_of_its_own_customer(writable_app: TestApp) -> None:
    acme, umbrella = (uuid_of(writable_app, "customers", name) for name in ("acme", "umbrella"))
    lab, web = (
        uuid_of(writable_app, "projects", "lab"),
        uuid_of(writable_app, "project-groups", "web"),
    )
    body = {"name": "x", "customer": acme, "projects": [lab]}
    assert lab in conflict(writable_app.post_json(url("project-groups"), body, status=409))
    place = url("project-groups", web)
    assert lab in conflict(writable_app.patch_json(place, {"projects": [lab]}, status=409))
    assert conflict(writable_app.patch_json(place, {"customer": umbrella}, status=409))
    joining = writable_app.patch_json(url("projects", lab), {"project_groups": [web]}, status=409)
    assert web in conflict(joining)
    moved = writable_app.patch_json(place, {"customer": umbrella, "projects": [lab]}).json
    assert (moved["customer"], moved["projects"]) == (umbrella, [lab])


def test_there_has_to_be_a_customer(writable_app: TestApp) -> None:
    for kind in ("projects", "project-groups"):
        answer = writable_app.post_json(url(kind), {"name": "x", "customer": UNKNOWN}, status=409)
        assert conflict(answer) == f"customer {UNKNOWN} not found"


def test_entry_with_children_cannot_be_deleted(writable_app: TestApp) -> None:
    for kind, name, message in [
        ("customers", "acme", "the customer still has projects"),
        ("projects", "shop", "the project still has tenants"),
        ("project-groups", "web", "the project group still has projects"),
    ]:
        place = url(kind, uuid_of(writable_app, kind, name))
        assert conflict(writable_app.delete(place, status=409)) == message
        writable_app.get(place)
    made = created(writable_app, "customers", name="x")
    created(writable_app, "project-groups", name="g", customer=made["uuid"])
    place = url("customers", made["uuid"])
    assert (
        conflict(writable_app.delete(place, status=409)) == "the customer still has project groups"
    )


def test_deleted_entry_keeps_its_creation_date(writable_app: TestApp, store: Store) -> None:
    query = f"/api/stats/creation-time/?type=customer&from={NOW}&to={CLOCK + 1}&datapoints=1"
    made = created(writable_app, "customers", name="x")
    writable_app.delete(url("customers", made["uuid"]), status=204)
    assert writable_app.get(query).json[0]["value"] == 1
    assert row(store, "customer", made["uuid"]).deleted_at == CLOCK
    writable_app.delete(url("customers", made["uuid"]), status=404)
    again = writable_app.put_json(url("customers", made["uuid"]), {"name": "y"}, status=201)
    assert again.json == made | {"name": "y"}
    assert audited(writable_app)[-1] == ("customer", "create", made["uuid"])


def test_a_deleted_project_leaves_its_groups(writable_app: TestApp) -> None:
    acme = uuid_of(writable_app, "customers", "acme")
    project = created(writable_app, "projects", name="p", customer=acme)["uuid"]
    group = created(writable_app, "project-groups", name="g", customer=acme, projects=[project])[
        "uuid"
    ]
    writable_app.delete(url("projects", project), status=204)
    assert writable_app.get(url("project-groups", group)).json["projects"] == []
    writable_app.put_json(url("projects", project), {"name": "p", "customer": acme}, status=201)
    assert writable_app.get(url("project-groups", group)).json["projects"] == []


def test_when_it_was_created_does_not_change(writable_app: TestApp) -> None:
    made = created(writable_app, "customers", name="x", created_at=1415910025)
    place = url("customers", made["uuid"])
    writable_app.put_json(place, made)
    for method, body in [
        ("PUT", made | {"created_at": 5}),
        ("PUT", made | {"created_at": None}),
        ("PUT", made | {"uuid": UNKNOWN}),
        ("PATCH", {"created_at": None}),
        ("PATCH", {"created_at": 1415910026}),
        ("PATCH", {"uuid": made["uuid"]}),
    ]:
        answer = getattr(writable_app, f"{method.lower()}_json")(place, body, status=400)
        assert answer.json["errors"][0]["code"] == "openstats.body.invalid"
    assert writable_app.get(place).json == made


@pytest.mark.parametrize(
    "name", ["株式会社\u3000山田", "a\u00a0b", "👩\u200d🚀", "soft\u00adhyphen", "\ue000", " "]
)
def test_names_as_clouds_have_them_can_be_written(writable_app: TestApp, name: str) -> None:
    made = writable_app.post_json("/api/customers/", {"name": name}, status=201).json
    assert made["name"] == name
    url = f"/api/customers/{made['uuid']}/"
    assert writable_app.put_json(url, {"name": f"{name}!"}).json["name"] == f"{name}!"
    assert writable_app.patch_json(url, {"name": name}).json["name"] == name
    writable_app.post_json("/api/grants/", {"subject": name, "role": "owner", "scope": _on(made)})


def _on(made: dict[str, str]) -> dict[str, str]:
    return {"customer": made["uuid"]}


@pytest.mark.parametrize(("name", "said"), [("a\x07b", "U+0007"), ("a\u202eb", "U+202E")])
def test_a_name_that_is_refused_is_told_with_the_reason(
    writable_app: TestApp, name: str, said: str
) -> None:
    answer = writable_app.post_json("/api/customers/", {"name": name}, status=400)
    detail = answer.json["errors"][0]["detail"]
    assert f"is not a name ({said} at character 2): a name has 1 to 255" in detail
