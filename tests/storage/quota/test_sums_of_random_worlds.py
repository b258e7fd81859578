"""Quota sums of random registries, against sums written as plainly as can be."""

from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from openstats.model import QuotaSum, Scope, Selection
from openstats.storage.quota import sums
from openstats.storage.schema import tables
from openstats.storage.store import Store
from tests.registry import AGGREGATES, Site, site
from tests.undone import undone

METERS = ("vcpu", "ram", "storage", "max_instances")
REGIONS = ("one", "two")
GROUPS = ("web", "db", "mail")


@dataclass(frozen=True)
class Tenant:
    """What a tenant of the oracle's registry is; figures by meter, None where unknown."""

    region: str
    enabled: bool
    deleted: bool
    figures: dict[str, tuple[int, int]] | None


@dataclass(frozen=True)
class Project:
    """A project of the oracle's registry; without a customer, its tenants are linked nowhere."""

    key: str
    customer: str | None
    groups: frozenset[str]
    tenants: tuple[Tenant, ...]


limit = st.one_of(st.just(-1), st.integers(0, 2**40))
figures = st.fixed_dictionaries({m: st.tuples(limit, st.integers(0, 3)) for m in METERS})


@st.composite
def tenants(draw: st.DrawFn) -> tuple[Tenant, ...]:
    regions = draw(st.lists(st.sampled_from(REGIONS), min_size=1, unique=True))
    booleans = st.booleans()
    return tuple(
        Tenant(region, draw(booleans), draw(booleans), draw(st.none() | figures))
        for region in regions
    )


@st.composite
def registries(draw: st.DrawFn) -> list[Project]:
    names = st.sampled_from(["acme", "other", None])
    groups = st.frozensets(st.sampled_from(GROUPS))
    number = draw(st.integers(0, 5))
    return [Project(f"p{i}", draw(names), draw(groups), draw(tenants())) for i in range(number)]


def write(db: Any, projects: list[Project]) -> None:
    for region in REGIONS:
        filled = site(db, f"cloud-{region}", region=region)
        there = [(p, t) for p in projects for t in p.tenants if t.region == region]
        for p, t in there:
            filled.project(p.key, customer=p.customer, groups=p.groups, enabled=t.enabled)
        filled.discover()
        _delete(filled, [p.key for p, t in there if t.deleted])
        for p, t in there:
            if t.figures:
                filled.quota(p.key, **t.figures)


def _delete(filled: Site, keys: list[str]) -> None:
    for key in keys:
        filled.without(key)
    if keys:
        filled.discover().discover()


def counts(tenant: Tenant) -> bool:
    """Tell whether a tenant counts, in the contract's words."""
    held = tenant.figures or {}
    holds = any(held.get(meter, (0, 0))[1] > 0 for meter in ("max_instances", "storage"))
    return not tenant.deleted and (tenant.enabled or holds)


def summed(projects: list[Project], meter: str) -> QuotaSum:
    limited = unlimited = in_use = 0
    for project in projects:
        for tenant in project.tenants:
            if project.customer and counts(tenant) and tenant.figures:
                limit, used = tenant.figures[meter]
                in_use += used
                if limit == -1:
                    unlimited += 1
                else:
                    limited += limit
    return QuotaSum(limited, unlimited, in_use)


def names_of(project: Project, aggregate: str) -> set[tuple[str, str]]:
    """Give (customer, name) of the aggregate's objects that a project belongs to."""
    if not project.customer:
        return set()
    named = {"customer": {project.customer}, "project": {project.key}}
    return {(project.customer, name) for name in named.get(aggregate, project.groups)}


def members(
    projects: list[Project], aggregate: str, chosen: set[tuple[str, str]] | None
) -> list[Project]:
    """Give the projects that belong to any of the chosen objects, or to any at all."""
    if chosen is None:
        return [p for p in projects if names_of(p, aggregate)]
    return [p for p in projects if names_of(p, aggregate) & chosen]


def identities(db: Any, aggregate: str) -> dict[tuple[str, str], str]:
    """Give the uuid of each object that exists by (customer, name): others went with tenants."""
    table, owner = tables.metadata.tables[aggregate], tables.customer
    if aggregate == "customer":
        alive = select(owner).where(owner.c.deleted_at.is_(None))
        return {(row.name, row.name): row.uuid for row in db.execute(alive)}
    joined = select(owner.c.name, table.c.name, table.c.uuid).join(
        table, (table.c.customer_id == owner.c.id) & table.c.deleted_at.is_(None)
    )
    return {(row[0], row[1]): row[2] for row in db.execute(joined)}


def a_scope(data: st.DataObject, db: Any, projects: list[Project]) -> tuple[Scope, list[Project]]:
    """Draw who asks: a scope, and the projects that are visible in it."""
    if data.draw(st.booleans(), "sees everything"):
        return Scope(), projects
    keys = [p.key for p in projects]
    seen = data.draw(st.sets(st.sampled_from(keys)) if keys else st.just(set()), "sees")
    uuids = {name: uuid for (_, name), uuid in identities(db, "project").items() if name in seen}
    return Scope(frozenset(uuids.values())), [p for p in projects if p.key in uuids]


def a_choice(
    data: st.DataObject, known: dict[tuple[str, str], str]
) -> tuple[tuple[str, ...], set[tuple[str, str]] | None]:
    """Draw what is asked for: uuids, and the objects that they name (None: all)."""
    if not known or data.draw(st.booleans(), "asks for all"):
        return (), None
    chosen = data.draw(st.sets(st.sampled_from(sorted(known)), min_size=1), "asks for")
    return tuple(known[key] for key in sorted(chosen)), chosen


def expected_each(
    scope: Scope,
    visible: list[Project],
    aggregate: str,
    known: dict[tuple[str, str], str],
    chosen: set[tuple[str, str]] | None,
) -> dict[str, dict[str, QuotaSum]]:
    """Sum for each object that is asked for and seen; who sees everything sees empty ones too."""
    seen = {key for p in visible for key in names_of(p, aggregate)}
    shown = set(known) if scope.everything else seen
    return {
        known[key]: {meter: summed(members(visible, aggregate, {key}), meter) for meter in METERS}
        for key in (shown if chosen is None else shown & chosen)
    }


@settings(max_examples=30)
@given(data=st.data(), projects=registries(), aggregate=st.sampled_from(AGGREGATES))
def test_sums_are_those_of_plain_python(
    shared_store: Store, data: st.DataObject, projects: list[Project], aggregate: str
) -> None:
    with undone(shared_store) as db:
        write(db, projects)
        scope, visible = a_scope(data, db, projects)
        known = identities(db, aggregate)
        uuids, chosen = a_choice(data, known)
        selection = Selection(aggregate, uuids)
        mine = members(visible, aggregate, chosen)
        totals, coverage = sums.total(db, scope, selection)
        assert totals == {meter: summed(mine, meter) for meter in METERS}
        assert sums.coverage(db, scope, selection) == coverage
        counted = [t for p in mine for t in p.tenants if counts(t)]
        assert coverage.tenants == len(counted)
        assert coverage.tenants_known == sum(t.figures is not None for t in counted)
        found = {of.uuid: totals for of, totals in sums.by_object(db, scope, selection)}
        assert found == expected_each(scope, visible, aggregate, known, chosen)
