"""Entries of the registry: who sees which, and what setting them by hand does."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from openstats.errors import ConflictError, ParameterError, RegistryError
from openstats.model import EVERYTHING, Scope
from openstats.storage import ownership
from openstats.storage.entries import pagination
from openstats.storage.entries.audit import AUDIT, Author, Change, record_all
from openstats.storage.entries.clouds import CLOUDS
from openstats.storage.entries.customers import CUSTOMERS, GROUPS, PROJECTS
from openstats.storage.entries.grants import GRANTS, revoke
from openstats.storage.entries.instances import INSTANCES
from openstats.storage.entries.pagination import Listing
from openstats.storage.entries.tenants import TENANTS
from openstats.storage.registry import customers, grants
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.registry.grants import GrantValues
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, site, uuids

LISTINGS = {
    "customers": CUSTOMERS,
    "groups": GROUPS,
    "projects": PROJECTS,
    "tenants": TENANTS,
    "clouds": CLOUDS,
    "instances": INSTANCES,
}
ALL = {
    "customers": ["acme", "umbrella"],
    "groups": ["db", "web"],
    "projects": ["blog", "lab", "shop"],
    "tenants": ["blog", "lab", "other", "shop"],
    "clouds": ["alpha", "beta"],
    "instances": ["of blog", "of lab", "of other"],
}


@pytest.fixture(autouse=True)
def world(db: Database) -> None:
    alpha = site(db).project("shop", groups=["web", "db"]).project("blog", groups=["web"])
    alpha.project("other", customer=None).discover()
    beta = site(db, "beta", region="two").project("lab", customer="umbrella").discover()
    for cloud, key in ((alpha, "blog"), (alpha, "other"), (beta, "lab")):
        cloud.server(key, name=f"of {key}")


def seen(db: Database, scope: Scope) -> dict[str, list[str]]:
    return {kind: names(db, shown, scope) for kind, shown in LISTINGS.items()}


def names(db: Database, shown: Listing, scope: Scope) -> list[str]:
    entries, more = pagination.page(db, shown, scope, filters={}, limit=1000, marker=None)
    assert not more
    for entry in entries:
        assert pagination.one(db, shown, scope, entry["uuid"]) == entry
    return [entry["name"] for entry in entries]


def tenant(db: Database, name: str) -> str:
    uuid: str = db.scalars(select(tables.tenant.c.uuid).where(tables.tenant.c.name == name)).one()
    return uuid


def test_admins_and_readers_see_everything(db: Database) -> None:
    assert seen(db, EVERYTHING) == ALL


def test_empty_scope_sees_nothing(db: Database) -> None:
    assert seen(db, Scope(projects=frozenset())) == {kind: [] for kind in LISTINGS}


def test_scope_of_a_project_sees_its_path(db: Database) -> None:
    assert seen(db, Scope(projects=frozenset({uuids(db, "project")["blog"]}))) == {
        "customers": ["acme"],
        "groups": ["web"],
        "projects": ["blog"],
        "tenants": ["blog"],
        "clouds": ["alpha"],
        "instances": ["of blog"],
    }


def test_scope_of_a_tenant_sees_its_project(db: Database) -> None:
    scope = Scope(projects=frozenset(), tenants=frozenset({tenant(db, "lab")}))
    assert seen(db, scope) == {
        "customers": ["umbrella"],
        "groups": [],
        "projects": ["lab"],
        "tenants": ["lab"],
        "clouds": ["beta"],
        "instances": ["of lab"],
    }


def test_a_group_without_any_project_is_seen_by_its_manager(db: Database) -> None:
    owner, group = uuids(db, "customer")["acme"], str(uuid4())
    customers.write(db, "project_group", group, ObjectChange("new", customer=owner), NOW)
    scope = Scope(projects=frozenset(), groups=frozenset({group}))
    assert names(db, GROUPS, scope) == ["new"]
    entry = pagination.one(db, GROUPS, scope, group)
    assert entry == {
        "uuid": group,
        "name": "new",
        "created_at": NOW,
        "customer": owner,
        "projects": [],
    }


def test_hidden_entry_is_no_marker(db: Database) -> None:
    scope = Scope(projects=frozenset({uuids(db, "project")["blog"]}))
    asked = {"filters": {}, "limit": 1, "marker": uuids(db, "project")["lab"]}
    with pytest.raises(ParameterError, match="marker"):
        pagination.page(db, PROJECTS, scope, **asked)
    assert pagination.page(db, PROJECTS, EVERYTHING, **asked)[0][0]["name"] == "shop"


def test_more_projects_than_a_statement_takes_parameters(db: Database) -> None:
    owner, group = uuids(db, "customer")["acme"], str(uuid4())
    many = [str(uuid4()) for _ in range(70_000)]
    change = ObjectChange("all", customer=owner, projects=many)
    with pytest.raises(ConflictError, match=min(many)):
        customers.write(db, "project_group", group, change, NOW)


def test_a_conflict_is_an_error_of_the_registry(db: Database) -> None:
    change = ObjectChange("x", customer=str(uuid4()))
    with pytest.raises(RegistryError) as raised:
        customers.write(db, "project", str(uuid4()), change, NOW)
    assert isinstance(raised.value, ConflictError)


def test_a_project_that_returns_was_elsewhere_meanwhile(db: Database) -> None:
    acme, umbrella = (uuids(db, "customer")[name] for name in ("acme", "umbrella"))
    shop = uuids(db, "project")["shop"]
    for at, owner in ((NOW + 10, umbrella), (NOW + 20, acme), (NOW + 30, acme)):
        customers.write(db, "project", shop, ObjectChange(customer=owner), at)
    former = db.execute(select(ownership.PROJECTS.former).order_by("since")).all()
    owners = [customers.row_id(db, tables.customer, owner) for owner in (acme, umbrella)]
    assert [(row.until, row.customer_id) for row in former] == [
        (NOW + 10, owners[0]),
        (NOW + 20, owners[1]),
    ]


def test_grants_are_revoked_on_one_object_only(db: Database) -> None:
    acme, umbrella = (uuids(db, "customer")[name] for name in ("acme", "umbrella"))
    for customer in (acme, umbrella):
        values = GrantValues("subject", "jane", "owner", "customer", customer)
        grants.write(db, str(uuid4()), values, NOW)
    (gone,) = revoke(db, "customer", acme)
    assert gone["scope"] == {"customer": acme}
    (left,), _ = pagination.page(db, GRANTS, EVERYTHING, filters={}, limit=9, marker=None)
    assert left["scope"] == {"customer": umbrella}
    assert revoke(db, "tenant", acme) == []


def test_the_audit_keeps_what_it_is_given(db: Database) -> None:
    author = Author("me", NOW, "req-1")
    entry = {"name": "ä\x00", "created_at": None, "projects": ["x"]}
    uuid = str(uuid4())
    changes = [Change("customer", uuid, None, entry), Change("customer", uuid, entry, None)]
    record_all(db, author, changes)
    found, _ = pagination.page(db, AUDIT, EVERYTHING, filters={}, limit=9, marker=None)
    assert [(row["action"], row["before"], row["after"]) for row in found] == [
        ("delete", entry, None),
        ("create", None, entry),
    ]


@pytest.mark.parametrize("kind", ["project", "project_group"])
def test_project_removed_from_a_group_by_hand_stays_out(db: Database, kind: str) -> None:
    here = site(db).project("shop", groups=["web", "db"]).project("blog", groups=["web"])
    known = uuids(db, kind)

    def held() -> list[str]:
        (entry,) = [e for e in entries(db, GROUPS) if e["name"] == "web"]
        named = {uuid: name for name, uuid in uuids(db, "project").items()}
        return sorted(named[uuid] for uuid in entry["projects"])

    def put(*names: str) -> None:
        """Have the group hold these, said of the group or of its projects."""
        if kind == "project_group":
            mine = uuids(db, "project")
            change = ObjectChange(projects=[mine[name] for name in names])
            customers.write(db, kind, known["web"], change, NOW)
        else:
            groups = uuids(db, "project_group")
            for name in ("shop", "blog"):
                change = ObjectChange(project_groups=[groups["web"]] if name in names else [])
                customers.write(db, kind, known[name], change, NOW)

    put("shop")
    here.discover(NOW + 60)
    assert held() == ["shop"]
    put("shop", "blog")
    here.discover(NOW + 120)
    assert held() == ["blog", "shop"]
    put()
    here.discover(NOW + 180)
    assert held() == []


def entries(db: Database, shown: Listing) -> list[dict[str, Any]]:
    found, _ = pagination.page(db, shown, EVERYTHING, filters={}, limit=1000, marker=None)
    return found
