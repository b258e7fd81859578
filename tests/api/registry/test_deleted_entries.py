"""What was deleted, in lists that ask for it: under its name, with its dates."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update
from webtest import TestApp

from openstats.api.routes import RESOURCES
from openstats.storage import ownership
from openstats.storage.registry import moves
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.api.registry.writing import url
from tests.api.world import CLOCK
from tests.registry import NOW, Site, site

NAMES = {"customers": "umbrella", "project-groups": "web", "projects": "lab", "tenants": "lab"}
"""By kind, what is gone; a shop is still there."""


@pytest.fixture(autouse=True)
def world(store: Store) -> None:
    """Have a customer lose its only project, whose cloud has it no more."""
    with store.transaction() as db:
        alpha = site(db).project("shop").project("lab", customer="umbrella", groups=["web"])
        alpha.discover(NOW - 100).without("lab").discover(NOW - 50).discover(NOW - 10)


def listed(api: TestApp, kind: str, query: str = "") -> dict[str, Any]:
    """Return entries of a list by name."""
    found = api.get(f"{url(kind)}?{query}").json[kind.replace("-", "_")]
    return {entry["name"]: entry for entry in found}


@pytest.mark.parametrize("kind", NAMES)
def test_deleted_entries_are_listed_with_deleted_true(writable_app: TestApp, kind: str) -> None:
    name = NAMES[kind]
    assert name not in listed(writable_app, kind)
    assert listed(writable_app, kind, "deleted=false") == listed(writable_app, kind)
    past = listed(writable_app, kind, "deleted=true")
    assert set(past) == {name, *listed(writable_app, kind)}
    assert past[name]["deleted_at"] == NOW - 10
    assert past[name].get("created_at", NOW - 100) == NOW - 100
    for kept, entry in listed(writable_app, kind).items():
        assert past[kept] == entry
        assert not entry.get("deleted_at")


@pytest.mark.parametrize("kind", NAMES)
def test_deleted_entry_is_shown_by_its_uuid(writable_app: TestApp, kind: str) -> None:
    name = NAMES[kind]
    entry = listed(writable_app, kind, "deleted=true")[name]
    assert listed(writable_app, kind, f"uuid={entry['uuid']}") == {name: entry}
    assert listed(writable_app, kind, f"uuid={entry['uuid']}&deleted=false") == {}
    assert writable_app.get(f"{url(kind, entry['uuid'])}?deleted=true").json == entry
    # A tenant that is gone can still be linked.
    status = 200 if kind == "tenants" else 404
    writable_app.get(url(kind, entry["uuid"]), status=status)
    writable_app.patch_json(url(kind, entry["uuid"]), {}, status=status)


def test_pages_go_through_what_is_deleted(writable_app: TestApp) -> None:
    query, seen = "deleted=true&limit=1", []
    for _ in range(2):
        page = writable_app.get(f"/api/customers/?{query}").json
        seen += [entry["name"] for entry in page["customers"]]
        query = page.get("links", [{"href": "?"}])[0]["href"].partition("?")[2]
    assert (seen, query) == (["acme", "umbrella"], "")


def test_a_date_of_deletion_finds_tenants_that_have_it(writable_app: TestApp) -> None:
    assert set(listed(writable_app, "tenants", f"deleted_at={NOW - 10}")) == {"lab"}
    assert set(listed(writable_app, "tenants", "deleted_at=null")) == {"shop"}


def test_deletion_by_hand_is_listed_with_its_date(writable_app: TestApp) -> None:
    made = writable_app.post_json("/api/customers/", {"name": "mine", "created_at": 7}).json
    writable_app.delete(url("customers", made["uuid"]), status=204)
    assert listed(writable_app, "customers", "deleted=true")["mine"] == made | {"deleted_at": CLOCK}
    writable_app.put_json(url("customers", made["uuid"]), {"name": "mine"})
    assert listed(writable_app, "customers", "deleted=true")["mine"] == made


def test_returning_entry_is_no_longer_deleted(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        alpha = site(db).project("shop").project("lab", customer="umbrella", groups=["web"])
        alpha.discover(NOW)
    for kind, name in NAMES.items():
        assert not listed(writable_app, kind, "deleted=true")[name].get("deleted_at")


def test_other_lists_have_nothing_that_is_deleted(writable_app: TestApp) -> None:
    for resource in RESOURCES:
        status = 200 if resource.name in NAMES else 400
        writable_app.get(f"{resource.url}?deleted=true", status=status)


def granted(store: Store, kind: str, name: str) -> None:
    """Grant a role on an object to Jane."""
    table = tables.metadata.tables[kind]
    with store.transaction() as db:
        row = db.scalar(select(table.c.id).where(table.c.name == name))
        values = {"uuid": "g", "subject": "jane", "role": "owner", "created_at": 0}
        db.execute(tables.grant.insert().values(values | {f"{kind}_id": row}))


SEEN: dict[str, tuple[str, str, dict[str, set[str]]]] = {
    "its owner": (
        "customer",
        "umbrella",
        {"customers": {"umbrella"}, "project-groups": {"web"}, "projects": {"lab"}},
    ),
    "the admin of its cloud": (
        "cloud",
        "alpha",
        {
            "customers": {"acme", "umbrella"},
            "project-groups": {"web"},
            "projects": {"lab", "shop"},
        },
    ),
    "another's owner": ("customer", "acme", {"customers": {"acme"}, "projects": {"shop"}}),
}


@pytest.mark.parametrize(("kind", "name", "seen"), SEEN.values(), ids=SEEN)
def test_deleted_entry_stays_visible_to_its_former_viewers(
    writable_app: TestApp, store: Store, kind: str, name: str, seen: dict[str, set[str]]
) -> None:
    granted(store, kind, name)
    seen = seen | {"tenants": seen["projects"]}
    for listing in NAMES:
        expected = seen.get(listing, set())
        assert set(listed(writable_app, listing, "deleted=true&on_behalf_of=jane")) == expected


def moved_to_acme(alpha: Site) -> None:
    db, customer, project = alpha.db, tables.customer, tables.project
    acme = db.scalar(select(customer.c.id).where(customer.c.name == "acme"))
    row = db.scalar(select(project.c.id).where(project.c.name == "blog"))
    assert row
    moves.move(db, ownership.PROJECTS, {row: acme}, NOW - 5)


def deleted(alpha: Site) -> None:
    moved_to_acme(alpha)
    values = {"deleted_at": NOW}
    alpha.db.execute(update(tables.project).where(tables.project.c.name == "blog").values(values))


@pytest.mark.parametrize("fate", [moved_to_acme, deleted])
def test_entry_deleted_after_a_move_is_hidden_from_its_former_owner(
    writable_app: TestApp, store: Store, fate: Callable[[Site], None]
) -> None:
    with store.transaction() as db:
        alpha = site(db).project("shop").project("blog", customer="umbrella").discover(NOW - 9)
        fate(alpha)
    granted(store, "customer", "umbrella")
    assert "blog" not in listed(writable_app, "projects", "deleted=true&on_behalf_of=jane")
