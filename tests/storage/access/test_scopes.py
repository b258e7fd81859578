"""Scopes: whatever is hidden from a caller changes no figure that the caller sees.

Random registries, moves and scopes. Figures of now are held against a store from which everything
invisible was deleted; who owned what and when, which a deletion would change, against a naive walk
through all rows.
"""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Table, delete, insert, select, update

from openstats.model import EVERYTHING, NO_ACCESS, Interval, Scope, Selection
from openstats.storage import coverage, ownership
from openstats.storage.access import scopes
from openstats.storage.access.scopes import Issuer
from openstats.storage.counts import creation_time, customer
from openstats.storage.entries.customers import GROUPS
from openstats.storage.entries.pagination import read_all
from openstats.storage.quota import sums
from openstats.storage.registry import customers, group_members, moves
from openstats.storage.registry.customers import ObjectChange
from openstats.storage.schema import tables as schema
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database, Store
from openstats.storage.usage import members
from tests.registry import AGGREGATES, NOW, site, uuids
from tests.storage.worlds import CLOUDS, World, drawn, memberships, worlds, written
from tests.undone import undone

SPAN = Interval(0, NOW + 1000, 3)


def forget(db: Database, scope: Scope) -> None:
    """Delete whatever is invisible."""
    project, tenant, group = schema.project, schema.tenant, schema.project_group
    mine = {
        row.id: row
        for row in db.execute(
            select(tenant.c.id, tenant.c.uuid, project.c.uuid.label("project")).outerjoin(
                project, project.c.id == tenant.c.project_id
            )
        )
    }
    seen = {
        id_
        for id_, row in mine.items()
        if row.project in scope.projects or (row.uuid in scope.tenants and row.project)
    }
    projects = scope.projects | {mine[id_].project for id_ in seen}
    db.execute(delete(tenant).where(tenant.c.id.not_in(seen)))
    owners = set(db.scalars(select(project.c.customer_id).where(project.c.uuid.in_(projects))))
    groups = {g for g, p in memberships(db) if p in projects} | scope.groups
    own = (
        select(group.c.uuid)
        .join(schema.customer)
        .where(schema.customer.c.uuid.in_(scope.customers))
    )
    groups |= set(db.scalars(own))
    owners |= set(db.scalars(select(group.c.customer_id).where(group.c.uuid.in_(scope.groups))))
    db.execute(delete(project).where(project.c.uuid.not_in(projects)))
    db.execute(delete(group).where(group.c.uuid.not_in(groups)))
    hidden = [schema.customer.c.id.not_in(owners), schema.customer.c.uuid.not_in(scope.customers)]
    # The customer of a group without projects stays, as nobody that is shown or counted.
    of_groups = schema.customer.c.id.in_(select(group.c.customer_id))
    nobody = {"deleted_at": 1, "created_at": None}
    db.execute(update(schema.customer).where(*hidden, of_groups).values(nobody))
    db.execute(delete(schema.customer).where(*hidden, ~of_groups))


def figures(db: Database, scope: Scope) -> Iterator[tuple[str, Any]]:
    """Give every figure of now that a caller may ask for."""
    yield "customer", customer.listing(db, scope)
    for name in AGGREGATES:
        wanted = Selection(name)
        yield f"{name} sum", sums.total(db, scope, wanted)[0]
        yield f"{name} each", sums.by_object(db, scope, wanted)
        known = sums.coverage(db, scope, wanted)
        yield f"{name} coverage", (known.tenants, known.tenants_known)
        yield f"{name} created", creation_time.counts(db, scope, name, SPAN)
        if not scope.clouds:
            # Whose a cloud's tenants were stays named: see the history below.
            yield f"{name} names", members.read(db, scope, wanted).objects
    yield "polled", coverage.of_polls(db, scope, "quotas").tenants


@given(worlds)
def test_figures_are_those_of_a_store_without_what_is_invisible(
    shared_store: Store, world: World
) -> None:
    with undone(shared_store) as db:
        written(db, world)
        scope = drawn(db, world)
        before = dict(figures(db, scope))
        forget(db, scope)
        after = dict(figures(db, EVERYTHING))
        assert before == {name: after[name] for name in before}


def naive(db: Database, scope: Scope, aggregate: str) -> set[tuple[str, str, int, int]]:
    """Walk through all rows: (object, tenant, since, until) of every stay that is visible."""
    tables = (schema.customer, schema.project, schema.project_group, schema.tenant)
    known = {t.name: dict(db.execute(select(t.c.id, t.c.uuid)).all()) for t in tables}
    owned = _stays(db, schema.project, "customer")
    groups = {(known["project_group"][m.project_group_id], m.project_id) for m in _members(db)}
    now = dict(db.execute(select(schema.tenant.c.id, schema.tenant.c.project_id)).all())
    clouds = select(schema.tenant.c.id).join(schema.cloud)
    inside = set(db.scalars(clouds.where(schema.cloud.c.uuid.in_(scope.clouds))))
    found = set()
    for tenant, project, since, until in _stays(db, schema.tenant, "project"):
        uuid = known["tenant"][tenant]
        mine = known["project"][project] in scope.projects
        mine |= uuid in scope.tenants and now[tenant] == project
        mine |= tenant in inside
        if aggregate == "project" and mine:
            found.add((known["project"][project], uuid, since, until))
        if aggregate == "project_group" and mine:
            found |= {(group, uuid, since, until) for group, p in groups if p == project}
        for _, owner, begin, end in (stay for stay in owned if stay[0] == project):
            name, first, last = known["customer"][owner], max(since, begin), min(until, end)
            once_own = aggregate == "project" and not mine and name in scope.customers
            if once_own and first < last:
                found.add((known["project"][project], uuid, first, last))
            if aggregate == "customer" and first < last and (mine or name in scope.customers):
                found.add((name, uuid, first, last))
    return found


def _members(db: Database) -> Any:
    return db.execute(select(schema.project_group_member)).all()


def _stays(db: Database, table: Table, owner: str) -> list[tuple[int, int, int, int]]:
    column, since = table.c[f"{owner}_id"], table.c[f"{owner}_since"]
    held = select(table.c.id, column, since).where(column.is_not(None))
    stays = [(*row, FOREVER) for row in db.execute(held)]
    former = schema.metadata.tables[f"former_{owner}"].c
    gone = select(former[f"{table.name}_id"], former[f"{owner}_id"], former.since, former.until)
    return [*stays, *(tuple(row) for row in db.execute(gone))]


@given(worlds, st.sampled_from(AGGREGATES), st.booleans())
def test_history_is_that_of_what_was_visible_then(
    shared_store: Store, world: World, aggregate: str, deleted: bool
) -> None:
    with undone(shared_store) as db:
        written(db, world)
        scope = drawn(db, world)
        found = members.read(db, scope, Selection(aggregate, since=0, deleted=deleted))
        names = dict(db.execute(select(schema.tenant.c.id, schema.tenant.c.uuid)).all())
        columns = (found.owners, found.tenants, found.since, found.until)
        rows = {
            (found.objects[owner].uuid, names[tenant], since, until)
            for owner, tenant, since, until in zip(*(c.tolist() for c in columns), strict=True)
        }
        shown = {of.uuid for of in found.objects}
        if deleted and aggregate == "project":
            # Nothing that was visible falls out because it is not listed any more. Who owned a
            # visible project before is no object of the caller's.
            shown |= {stay[0] for stay in naive(db, scope, aggregate)}
        assert rows == {stay for stay in naive(db, scope, aggregate) if stay[0] in shown}


def granted_to(db: Database, role: str, table: Table, name: str, **to: str) -> None:
    row = db.scalar(select(table.c.id).where(table.c.name == name))
    values = {"uuid": f"{role}-{table.name}-{name}-{to}"[:36], "role": role, "created_at": NOW}
    db.execute(insert(schema.grant).values(values | to | {f"{table.name}_id": row}))


def named(db: Database, scope: Scope | None) -> dict[str, set[str]]:
    """Give the names of what is in a scope."""
    assert scope is not None
    tables = {
        "projects": schema.project,
        "tenants": schema.tenant,
        "customers": schema.customer,
        "groups": schema.project_group,
    }
    found = {
        kind: set(
            db.scalars(select(table.c.name).where(table.c.uuid.in_(getattr(scope, kind) or ())))
        )
        for kind, table in tables.items()
    }
    return {kind: names for kind, names in found.items() if names}


@pytest.fixture
def two(db: Database) -> Database:
    """Give a store with two Keystones: ids of the one mean nothing in the other."""
    for name in ("alpha", "beta"):
        there = site(db, name, auth_url=CLOUDS[name][0]).project(
            "p1", name=f"{name}-p1", groups=["web"]
        )
        there.project("p2", name=f"{name}-p2", customer="other").discover()
    return db


def test_grants_reach_users_groups_and_subjects(two: Database) -> None:
    granted_to(two, "owner", schema.customer, "acme", user_id="ann")
    granted_to(two, "manager", schema.project_group, "web", group_id="staff")
    granted_to(two, "admin", schema.project, "beta-p2", subject="bob")
    granted_to(two, "admin", schema.cloud, "beta", user_id="eve")
    acme = {"projects": {"alpha-p1"}, "customers": {"acme"}}
    web = {"projects": {"alpha-p1"}, "groups": {"web"}}
    assert named(two, scopes.granted_scope(two, user_id="ann")) == acme
    assert named(two, scopes.granted_scope(two, user_id="x", groups=["staff", "y"])) == web
    assert named(two, scopes.granted_scope(two, user_id="ann", groups=["staff"])) == acme | web
    assert named(two, scopes.granted_scope(two, subject="bob")) == {"projects": {"beta-p2"}}
    tenants = {"tenants": {"beta-p1", "beta-p2"}}
    assert named(two, scopes.granted_scope(two, user_id="eve")) == tenants


@pytest.mark.parametrize("who", [{}, {"user_id": ""}, {"user_id": "bob"}, {"groups": ["ann"]}])
def test_grants_of_others_give_nothing(two: Database, who: dict[str, Any]) -> None:
    granted_to(two, "owner", schema.customer, "acme", user_id="ann")
    granted_to(two, "owner", schema.customer, "acme", subject="bob")
    granted_to(two, "owner", schema.customer, "acme", group_id="staff")
    assert scopes.granted_scope(two, **who) is None
    assert scopes.granted_scope(two, subject="") is None
    assert scopes.granted_scope(two, subject="ann") is None


OWN: dict[str, Issuer] = {
    "by name": Issuer(clouds=["beta"]),
    "by URL": Issuer(urls=["https://two.example:5000"]),
}


@pytest.mark.parametrize("issuer", OWN.values(), ids=OWN)
def test_ids_mean_something_for_the_issuers_clouds_only(two: Database, issuer: Issuer) -> None:
    assert named(two, scopes.token_project_scope(two, issuer, "p1")) == {"tenants": {"beta-p1"}}
    domain = scopes.token_domain_scope(two, issuer, "other")
    assert named(two, domain) == {"projects": {"beta-p2"}, "customers": {"other"}}
    assert named(two, scopes.token_project_scope(two, issuer, "p3")) == {}
    for nobody in (Issuer(), Issuer(clouds=["gamma"]), Issuer(urls=["https://three.example"])):
        assert scopes.token_project_scope(two, nobody, "p1") == NO_ACCESS
        assert scopes.token_domain_scope(two, nobody, "other") == NO_ACCESS


def test_that_it_matters_in_which_groups_somebody_is(two: Database) -> None:
    assert not scopes.grants_to_groups(two)
    granted_to(two, "owner", schema.customer, "acme", user_id="ann")
    assert not scopes.grants_to_groups(two)
    granted_to(two, "owner", schema.customer, "acme", group_id="staff")
    assert scopes.grants_to_groups(two)


def test_the_past_of_what_a_customer_gave_away_is_still_the_customers(two: Database) -> None:
    granted_to(two, "owner", schema.customer, "acme", user_id="ann")
    customers, projects = (
        dict(two.execute(select(table.c.name, table.c.id)).all())
        for table in (schema.customer, schema.project)
    )
    moves.move(two, ownership.PROJECTS, {projects["alpha-p1"]: customers["other"]}, NOW + 60)
    seen = scopes.granted_scope(two, user_id="ann")
    assert named(two, seen) == {"customers": {"acme"}}
    assert seen is not None
    found = members.read(two, seen, Selection("customer"))
    assert [of.name for of in found.objects] == ["acme"]
    assert (found.since.tolist(), found.until.tolist()) == ([0], [NOW + 60])
    assert not members.read(two, seen, Selection("project")).objects


def test_an_owner_sees_its_empty_groups_and_they_stay_counted(db: Database) -> None:
    site(db).project("p1", groups=["web"]).discover()
    acme, web = uuids(db, "customer")["acme"], uuids(db, "project_group")["web"]
    empty = str(uuid4())
    customers.write(db, "project_group", empty, ObjectChange("empty", customer=acme), NOW)
    projects = frozenset(uuids(db, "project").values())
    owner = Scope(projects, customers=frozenset([acme]))
    groups = Selection("project_group")
    (counts,) = customer.listing(db, owner)
    assert counts.project_groups == 2
    assert [of.name for of, _ in sums.by_object(db, owner, groups)] == ["empty", "web"]
    assert [of.name for of in members.read(db, owner, groups).objects] == ["empty", "web"]
    assert [row.name for row in read_all(db, GROUPS, owner)] == ["empty", "web"]
    assert creation_time.counts(db, owner, "project_group", SPAN) == {2: 2}
    row = customers.row_id(db, schema.project_group, web)
    group_members.fill(db, row, ())
    assert creation_time.counts(db, owner, "project_group", SPAN) == {2: 2}
    customers.delete(db, "project_group", web, NOW + 60)
    assert creation_time.counts(db, owner, "project_group", SPAN) == {2: 2}


def test_the_manager_of_an_empty_group_sees_its_customer(db: Database) -> None:
    site(db).project("p1").project("p2", customer="other").discover()
    acme = uuids(db, "customer")["acme"]
    customers.write(db, "project_group", acme, ObjectChange("empty", customer=acme), NOW)
    manager = Scope(frozenset(), groups=frozenset([acme]))
    (found,) = customer.listing(db, manager)
    assert (found.customer.name, found.projects, found.project_groups) == ("acme", 0, 1)
    assert creation_time.counts(db, manager, "customer", SPAN) == {2: 1}


def past_of(db: Database, scope: Scope, aggregate: str, **asked: Any) -> list[Any]:
    found = members.read(db, scope, Selection(aggregate, since=0, **asked))
    columns = (found.owners, found.since, found.until)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return sorted((found.objects[owner].name, *rest) for owner, *rest in rows)


@pytest.mark.parametrize("kind", ["tenant", "project"])
def test_the_admin_of_a_cloud_keeps_the_past_of_a_move_within_it(db: Database, kind: str) -> None:
    alpha = site(db).project("p1").project("p2", customer="other").discover()
    uuid = alpha.cloud.uuid
    tenants = frozenset(db.scalars(select(schema.tenant.c.uuid)))
    admin = Scope(frozenset(), tenants, clouds=frozenset([uuid]))
    assert [row[0] for row in past_of(db, admin, "customer")] == ["acme", "other"]
    owners = _names(db, schema.project if kind == "tenant" else schema.customer)
    target = "p2" if kind == "tenant" else "other"
    row = alpha.row("p1") if kind == "tenant" else _names(db, schema.project)["p1"]
    moves.move(
        db, ownership.TENANTS if kind == "tenant" else ownership.PROJECTS, {row: owners[target]}, 9
    )
    assert past_of(db, admin, "customer") == [
        ("acme", 0, 9), ("other", 0, FOREVER), ("other", 9, FOREVER),
    ]  # fmt: skip
    assert past_of(db, admin, "project") == past_of(db, EVERYTHING, "project")


def _names(db: Database, table: Table) -> dict[str, int]:
    return {row.name: row.id for row in db.execute(select(table.c.name, table.c.id))}


def test_a_former_owner_may_ask_for_its_time_of_a_project_that_it_gave_away(
    db: Database,
) -> None:
    site(db).project("p1").project("p2", customer="other").discover()
    customers, projects = _names(db, schema.customer), _names(db, schema.project)
    moves.move(db, ownership.PROJECTS, {projects["p1"]: customers["other"]}, NOW + 60)
    acme = uuids(db, "customer")["acme"]
    owner = Scope(frozenset(), customers=frozenset([acme]))
    p1 = uuids(db, "project")["p1"]
    assert past_of(db, owner, "project", uuids=(p1,)) == [("p1", 0, NOW + 60)]
    assert past_of(db, owner, "project", deleted=True) == [("p1", 0, NOW + 60)]
    assert past_of(db, owner, "project") == []
    p2 = uuids(db, "project")["p2"]
    assert past_of(db, owner, "project", uuids=(p2,)) == []


def test_a_grant_is_added_to_the_tokens_own_project(two: Database) -> None:
    granted_to(two, "admin", schema.project, "beta-p2", user_id="ann")
    granted = scopes.granted_scope(two, user_id="ann")
    assert granted is not None
    both = granted | scopes.token_project_scope(two, OWN["by name"], "p1")
    assert named(two, both) == {"projects": {"beta-p2"}, "tenants": {"beta-p1"}}
    assert both | EVERYTHING == EVERYTHING
