"""Entries of the registry: who sees which, and what setting them by hand does."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from openstats.errors import ConflictError, ParameterError, RegistryError
from openstats.model import EVERYTHING, Scope
from openstats.storage import ownership
from openstats.storage.entries.audit import AUDIT
from openstats.storage.entries.clouds import CLOUDS
from openstats.storage.entries.customers import CUSTOMERS, GROUPS, PROJECTS, StoredGroup
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.instances import INSTANCES
from openstats.storage.entries.pagination import Listing, read_all, read_one, read_page
from openstats.storage.entries.tenants import TENANTS
from openstats.storage.registry import customers, grants
from openstats.storage.registry.audit import Author, Change, record_all
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.registry.grants import GrantValues
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, site, uuids

LISTINGS: dict[str, Listing[Any]] = {
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


def names(db: Database, listing: Listing[Any], scope: Scope) -> list[str]:
    rows = read_all(db, listing, scope)
    for row in rows:
        assert read_one(db, listing, scope, row.uuid) == row
    return [row.name for row in rows]


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
    assert read_one(db, GROUPS, scope, group) == StoredGroup(group, "new", NOW, None, owner, [])


def test_hidden_entry_is_no_marker(db: Database) -> None:
    scope = Scope(projects=frozenset({uuids(db, "project")["blog"]}))
    marker = uuids(db, "project")["lab"]
    with pytest.raises(ParameterError, match="marker"):
        read_page(db, PROJECTS, scope, marker=marker)
    (shop,), _ = read_page(db, PROJECTS, EVERYTHING, marker=marker)
    assert shop.name == "shop"


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
    of_acme, of_umbrella = read_all(db, GRANTS, EVERYTHING)
    if of_acme.values.object_uuid != acme:
        of_acme, of_umbrella = of_umbrella, of_acme
    assert grants.revoke_all(db, "customer", acme) == [of_acme]
    assert read_all(db, GRANTS, EVERYTHING) == [of_umbrella]
    assert grants.revoke_all(db, "tenant", umbrella) == []


def test_the_audit_keeps_what_it_is_given(db: Database) -> None:
    author = Author("me", NOW, "req-1")
    entry: dict[str, object] = {"name": "ä\x00", "created_at": None, "projects": ["x"]}
    uuid = str(uuid4())
    changes = [Change("customer", uuid, None, entry), Change("customer", uuid, entry, None)]
    record_all(db, author, changes)
    records = read_all(db, AUDIT, EVERYTHING)
    assert [(record.action, record.before, record.after) for record in records] == [
        ("delete", entry, None),
        ("create", None, entry),
    ]


@pytest.mark.parametrize("kind", ["project", "project_group"])
def test_project_removed_from_a_group_by_hand_stays_out(db: Database, kind: str) -> None:
    here = site(db).project("shop", groups=["web", "db"]).project("blog", groups=["web"])
    known = uuids(db, kind)

    def held() -> list[str]:
        (group,) = read_all(db, GROUPS, EVERYTHING, {"name": "web"})
        named = {uuid: name for name, uuid in uuids(db, "project").items()}
        return sorted(named[uuid] for uuid in group.projects)

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
