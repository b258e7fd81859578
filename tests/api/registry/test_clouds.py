"""Clouds over HTTP: registered by the name of an entry of clouds.yaml, and deleted."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from openstack.config import loader
from sqlalchemy import func, select
from webtest import TestApp

from openstats.storage import jobs
from openstats.storage.schema import tables as schema
from openstats.storage.store import Store
from tests.api.door import Door, token
from tests.api.registry.writing import audited, conflict, entries, rows, url, uuid_of
from tests.api.world import CLOCK, UNKNOWN, fill
from tests.double import Double
from tests.registry import KEYSTONE

SECRET = "topsecret"


def an_entry(auth_url: str, **more: Any) -> dict[str, Any]:
    auth = {"auth_url": auth_url, "username": "u", "password": SECRET, "project_name": "admin"}
    return {"auth": auth, "region_name": "one"} | more


ENTRIES = {
    # Nobody listens there: whoever dialled would fail.
    "frankfurt": an_entry("http://127.0.0.1:1/v3"),
    "ceph": an_entry(
        "https://ceph.example/v3",
        openstats={"disk_shared": True, "auth_url_aliases": ["https://other.example"]},
    ),
    "nordic": an_entry("https://nordic.example/v3", region_name=None, regions=["north", "south"]),
    "public": {"auth": {"auth_url": "https://public.example/v3"}, "region_name": "one"},
    "same": an_entry(KEYSTONE),
    "broken": an_entry("nonsense"),
    "strange": an_entry("https://strange.example", openstats={"meter_options": SECRET}),
}
NAMES = "ceph, frankfurt, nordic:north, nordic:south, public, same, broken, strange"


@pytest.fixture(autouse=True)
def clouds_yaml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "clouds.yaml"
    path.write_text(yaml.safe_dump({"clouds": ENTRIES}))
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(path))
    # Nor is there any elsewhere on this machine.
    for name in ("CONFIG", "SECURE", "VENDOR"):
        monkeypatch.setattr(loader, f"{name}_FILES", [])
    return path


@pytest.fixture
def world(writable_app: TestApp, store: Store) -> TestApp:
    with store.transaction() as db:
        fill(db)
    return writable_app


def register(api: TestApp, name: str, status: int = 201) -> Any:
    return api.post_json(url("clouds"), {"name": name}, status=status)


def refused(answer: Any) -> str:
    (error,) = answer.json["errors"]
    assert (error["status"], error["code"]) == (400, "openstats.body.invalid")
    assert SECRET not in answer.text
    assert "example" not in answer.text
    detail: str = error["detail"]
    return detail


def test_from_registration_to_deletion(writable_app: TestApp, store: Store) -> None:
    answer = register(writable_app, "frankfurt")
    entry, place = answer.json, answer.headers["Location"]
    assert (entry["name"], entry["region"]) == ("frankfurt", "one")
    assert entry["auth_url"] == "http://127.0.0.1:1/v3"
    assert entry["last_polled_at"] is entry["last_error"] is entry["capacity"] is None
    assert writable_app.get(place).json == entry == entries(writable_app, "clouds")["frankfurt"]
    assert {(row.kind, row.next_at) for row in rows(store, "job")} == {
        (kind, CLOCK) for kind in jobs.KINDS
    }
    assert [row.url for row in rows(store, "cloud_url")] == ["http://127.0.0.1:1"]
    assert writable_app.delete(place, status=204).body == b""
    assert rows(store, "cloud") == rows(store, "job") == rows(store, "cloud_url") == []
    assert audited(writable_app) == [
        ("cloud", action, entry["uuid"]) for action in ("create", "delete")
    ]


def test_registered_cloud_takes_the_settings_of_its_entry(
    writable_app: TestApp, store: Store
) -> None:
    assert register(writable_app, "ceph").json["disk_shared"] is True
    assert {row.url for row in rows(store, "cloud_url")} == {
        "https://ceph.example",
        "https://other.example",
    }
    # It is known, and nothing of it.
    writable_app.get("/api/stats/resource/?auth_url=https://other.example", status=503)


def test_registration_needs_no_credential_of_the_cloud(writable_app: TestApp) -> None:
    assert register(writable_app, "public").json["auth_url"] == "https://public.example/v3"


def test_regions_are_clouds(writable_app: TestApp) -> None:
    assert register(writable_app, "nordic:south").json["region"] == "south"
    assert "name=nordic: clouds.yaml has no such entry" in refused(
        register(writable_app, "nordic", 400)
    )
    assert list(entries(writable_app, "clouds")) == ["nordic:south"]


@pytest.mark.parametrize("name", ["zurich", "nordic:west", "defaults", ":", "frankfurt:one"])
def test_an_entry_that_is_not_there(writable_app: TestApp, name: str) -> None:
    said, _, there = refused(register(writable_app, name, 400)).partition("; must be one of ")
    assert said == f"name={name}: clouds.yaml has no such entry"
    assert sorted(there.split(", ")) == sorted(NAMES.split(", "))


@pytest.mark.parametrize("name", ["frankfurt", "defaults"])
def test_without_a_clouds_yaml(writable_app: TestApp, clouds_yaml: Path, name: str) -> None:
    clouds_yaml.unlink()
    said = refused(register(writable_app, name, 400))
    assert said == f"name={name}: clouds.yaml has no such entry; it has no entries"


@pytest.mark.parametrize("name", ["broken", "strange"])
def test_an_entry_that_cannot_be_used(
    writable_app: TestApp, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    said = refused(register(writable_app, name, 400))
    assert (
        said == f"name={name}: the entry cannot be used; see the log of the service for the reason"
    )
    assert f"the entry {name} of clouds.yaml" in caplog.text


def test_faults_of_other_entries_do_not_prevent_registration(
    writable_app: TestApp, clouds_yaml: Path
) -> None:
    clouds_yaml.write_text(yaml.safe_dump({"clouds": ENTRIES | {"odd": 5}}))
    register(writable_app, "frankfurt")
    assert " odd, " in refused(register(writable_app, "zurich", 400))


def test_one_that_is_there_already(world: TestApp) -> None:
    register(world, "frankfurt")
    assert conflict(register(world, "frankfurt", 409)).endswith("as frankfurt")
    # By another name: its Keystone and its region are what it is.
    assert conflict(register(world, "same", 409)) == "the cloud is already registered as alpha:one"
    assert len(entries(world, "clouds")) == 3


@pytest.mark.parametrize("field", ["auth_url", "region", "uuid", "source"])
def test_all_else_is_the_entrys(writable_app: TestApp, field: str) -> None:
    answer = writable_app.post_json(url("clouds"), {"name": "frankfurt", field: "x"}, status=400)
    assert refused(answer) == f"{field}: unknown field; must be name"
    writable_app.put_json(url("clouds", UNKNOWN), {"name": "frankfurt"}, status=405)
    writable_app.patch_json(url("clouds", UNKNOWN), {"name": "frankfurt"}, status=405)


def counts(store: Store, of: int) -> dict[str, int]:
    """Count what there is of a cloud, by table."""
    tables = [t for t in schema.metadata.sorted_tables if "cloud_id" in t.c]
    with store.read() as db:
        return {
            t.name: db.scalar(select(func.count()).select_from(t).where(t.c.cloud_id == of)) or 0
            for t in tables
        }


def test_one_with_linked_tenants_stays_and_then_goes_with_all_of_it(
    world: TestApp, store: Store
) -> None:
    one = uuid_of(world, "clouds", "alpha:one")
    grant = {"subject": "jane", "role": "admin", "scope": {"cloud": one}}
    made = world.post_json("/api/grants/", grant).json
    others, projects = counts(store, 2), entries(world, "projects")
    said = conflict(world.delete(url("clouds", one), status=409))
    assert said == "the cloud still has tenants that are linked to a project"
    assert world.get("/api/grants/").json["grants"] == [made]
    for tenant in world.get(f"/api/tenants/?cloud={one}").json["tenants"]:
        world.patch_json(url("tenants", tenant["uuid"]), {"project": None})
    before = counts(store, 1)
    assert all(before[kind] for kind in ("job", "tenant", "instance", "reading", "capacity"))
    world.delete(url("clouds", one), status=204)
    assert not any(counts(store, 1).values())
    assert counts(store, 2) == others
    assert entries(world, "projects") == projects
    assert audited(world)[-2:] == [("cloud", "delete", one), ("grant", "delete", made["uuid"])]
    world.delete(url("clouds", one), status=404)


def test_tenants_that_are_gone_hold_no_cloud(world: TestApp, store: Store) -> None:
    two = uuid_of(world, "clouds", "alpha:two")
    with store.transaction() as db:
        db.execute(schema.tenant.update().values(deleted_at=CLOCK))
    world.delete(url("clouds", two), status=204)


@pytest.mark.parametrize(
    ("roles", "allowed"), [(("admin",), True), (("reader",), False), (("service",), False)]
)
def test_only_admins_register_and_delete(
    store: Store, tmp_path: Path, roles: tuple[str, ...], allowed: bool
) -> None:
    with Double() as keystone:
        door = Door(tmp_path, keystone, store)
        api = door.app(identity={"admin_project_ids": "admin"})
        asking = door.hand(token(*roles, project="admin"))
        body = {"name": "frankfurt"}
        made = api.post_json(url("clouds"), body, headers=asking, status=201 if allowed else 403)
        gone = url("clouds", made.json["uuid"] if allowed else UNKNOWN)
        api.delete(gone, headers=asking, status=204 if allowed else 403)
