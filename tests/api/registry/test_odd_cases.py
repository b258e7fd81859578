"""The registry over HTTP where little is known, nothing changes, or headers are spelled oddly."""

import pytest
from sqlalchemy import select, update
from webtest import TestApp

from openstats.storage.quota import by_tenant
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.api.registry.writing import MINE, audited, created, url
from tests.api.world import CLOCK
from tests.hostile import ODD
from tests.registry import NOW, site

AGGREGATE = {"customers": "customer", "project-groups": "project_group", "projects": "project"}


@pytest.mark.parametrize("kind", ["customers", "project-groups", "projects"])
@pytest.mark.parametrize("way", ["POST", "PUT"])
def test_an_unknown_date_of_creation_is_set_once(
    writable_app: TestApp, kind: str, way: str
) -> None:
    fields = {"name": "x", "created_at": None}
    if kind != "customers":
        fields["customer"] = created(writable_app, "customers", name="owner")["uuid"]
    made = created(writable_app, kind, **fields) if way == "POST" else None
    if made is None:
        made = writable_app.put_json(url(kind, MINE), fields, status=201).json
    assert made["created_at"] is None
    place = url(kind, made["uuid"])
    writable_app.put_json(place, made)
    changed = writable_app.patch_json(place, {"created_at": 1415910025}).json
    assert changed == made | {"created_at": 1415910025}
    writable_app.patch_json(place, {"created_at": 1415910026}, status=400)
    writable_app.patch_json(place, {"created_at": 1415910025})
    counted = writable_app.get(
        f"/api/stats/creation-time/?type={AGGREGATE[kind]}&to=1415910026"
    ).json
    assert sum(point["value"] for point in counted) == 1


def test_an_unknown_date_of_creation_is_replaced(writable_app: TestApp) -> None:
    made = created(writable_app, "customers", name="x", created_at=None)
    whole = writable_app.put_json(
        url("customers", made["uuid"]), {"name": "x", "created_at": 7}
    ).json
    assert whole == made | {"created_at": 7}
    assert (
        writable_app.put_json(url("customers", made["uuid"]), {"name": "y"}).json["created_at"] == 7
    )


def test_write_without_a_change_is_not_audited(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        site(db).project("p", groups=["web"]).discover()
    for kind in ("customers", "project-groups", "projects", "tenants"):
        key = kind.replace("-", "_")
        (entry,) = writable_app.get(url(kind)).json[key]
        body = {"project": entry["project"]} if kind == "tenants" else {"name": entry["name"]}
        writable_app.patch_json(url(kind, entry["uuid"]), body)
        writable_app.patch_json(url(kind, entry["uuid"]), {})
        if kind != "tenants":
            writable_app.put_json(url(kind, entry["uuid"]), entry)
    alert = {"severity": "Info", "alert_type": "t", "message": "m"}
    writable_app.post_json("/api/alerts/", alert, status=201)
    writable_app.post_json("/api/alerts/", alert, status=200)
    assert [action for _, action, _ in audited(writable_app)] == ["create"]


def test_a_tenant_that_is_linked_has_its_quotas_read_at_once(
    writable_app: TestApp, store: Store
) -> None:
    with store.transaction() as db:
        alpha = site(db).project("p", customer=None).project("q").discover()
        later = {"due_at": NOW + 9999}
        db.execute(update(tables.quota).values(later))
        db.execute(update(tables.job).values(next_at=NOW + 9999.0))
    (entry,) = writable_app.get("/api/tenants/?tenant_id=p").json["tenants"]
    project = writable_app.get("/api/projects/").json["projects"][0]["uuid"]
    writable_app.patch_json(url("tenants", entry["uuid"]), {"project": project})
    with store.read() as db:
        assert [key for _, key in by_tenant.due(db, alpha.cloud, CLOCK)] == ["p"]
        due = db.scalars(select(tables.job.c.kind).where(tables.job.c.next_at <= CLOCK))
        assert set(due) == {"quotas"}


@pytest.mark.parametrize("spelled", ["Application/JSON", "APPLICATION/json; charset=utf-8"])
def test_a_media_type_is_compared_without_case(writable_app: TestApp, spelled: str) -> None:
    headers = {"Content-Type": spelled}
    writable_app.post("/api/customers/", b'{"name": "x"}', headers=headers, status=201)


@pytest.mark.parametrize("way", ["PUT", "PATCH"])
@pytest.mark.parametrize("name", ODD)
def test_a_name_that_people_write_is_kept_as_it_is(
    writable_app: TestApp, name: str, way: str
) -> None:
    made = writable_app.put_json(url("customers", MINE), {"name": "x"}, status=201).json
    written = writable_app.put_json if way == "PUT" else writable_app.patch_json
    assert written(url("customers", MINE), {"name": name}).json == made | {"name": name}
    for query in ({"name": name}, {"name~": name}, {"name~": name[:1]}):
        (found,) = writable_app.get("/api/customers/", query).json["customers"]
        assert found == made | {"name": name}
