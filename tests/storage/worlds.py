"""Random registries with grants and moves, written and drawn from."""

from dataclasses import dataclass

from hypothesis import strategies as st
from sqlalchemy import Table, delete, select

from openstats.model import Scope
from openstats.storage import ownership
from openstats.storage.registry import moves
from openstats.storage.schema import tables as schema
from openstats.storage.store import Database
from tests.registry import NOW, site

ONE, TWO = "https://one.example:5000", "https://two.example:5000"
CLOUDS = {"alpha": (ONE, "east"), "west": (ONE, "west"), "beta": (TWO, "east")}
"""Regions of a Keystone have the same projects, each with a tenant of its own."""
CUSTOMERS, GROUPS = ("acme", "other"), ("web", "db")
KINDS = ("projects", "tenants", "customers", "groups", "clouds")


@dataclass(frozen=True)
class World:
    """Projects with their customer, groups and clouds; who moves where; who is in the scope."""

    projects: list[tuple[str, frozenset[str], frozenset[str]]]
    moves: list[tuple[str, int, int]]
    chosen: dict[str, frozenset[int]]


none, few = st.just(frozenset()), st.frozensets(st.integers(0, 8), min_size=1, max_size=4)
one_kind = [
    st.fixed_dictionaries(dict.fromkeys(KINDS, none) | dict.fromkeys(kinds, few))
    for kinds in (*((kind,) for kind in KINDS), ("tenants", "projects"), ("tenants", "customers"))
]
"""Scopes of one kind, or of two: in a union of many hardly anything stays invisible."""
worlds = st.builds(
    World,
    st.lists(
        st.tuples(
            st.sampled_from(CUSTOMERS),
            st.frozensets(st.sampled_from(GROUPS)),
            st.frozensets(st.sampled_from(sorted(CLOUDS)), min_size=1),
        ),
        min_size=1,
        max_size=3,
    ),
    st.lists(
        st.tuples(st.sampled_from(["tenant", "project"]), st.integers(0, 9), st.integers(0, 9)),
        max_size=6,
    ),
    st.one_of(*one_kind),
)


def written(db: Database, world: World) -> None:
    for name, (url, region) in CLOUDS.items():
        found = site(db, name, auth_url=url, region=region)
        keys = [f"p{i}" for i, (*_, clouds) in enumerate(world.projects) if name in clouds]
        for key in keys:
            owner, groups, _ = world.projects[int(key[1:])]
            # Groups are of one customer: they are named after it.
            found.project(key, customer=owner, groups=[f"{owner}-{g}" for g in groups])
        found.discover()
        for number, key in enumerate(keys, 1):
            found.quota(key, vcpu=(number, 1), max_instances=(9, 2)).servers(key, number)
    for step, (kind, what, whose) in enumerate(world.moves):
        moved(db, kind, what, whose, NOW + 10 * (step + 1))


def moved(db: Database, kind: str, what: int, whose: int, at: int) -> None:
    owning = ownership.TENANTS if kind == "tenant" else ownership.PROJECTS
    owned, owners = _ids(db, owning.owned), _ids(db, _owner(kind))
    if not owned:
        return
    row, owner = owned[what % len(owned)], owners[whose % len(owners)]
    if db.scalar(select(owning.owner_id).where(owning.owned.c.id == row)) != owner:
        moves.move(db, owning, {row: owner}, at)
    # A group holds projects of its own customer only.
    member, group, project = schema.project_group_member, schema.project_group, schema.project
    whose_group = select(group.c.customer_id).where(group.c.id == member.c.project_group_id)
    whose_project = select(project.c.customer_id).where(project.c.id == member.c.project_id)
    db.execute(
        delete(member).where(whose_group.scalar_subquery() != whose_project.scalar_subquery())
    )


def _owner(kind: str) -> Table:
    return schema.project if kind == "tenant" else schema.customer


def _ids(db: Database, table: Table) -> list[int]:
    return list(db.scalars(select(table.c.id).order_by(table.c.id)))


def drawn(db: Database, world: World) -> Scope:
    """Give the scope of the world, with what its customers and groups bring along."""
    tables = {
        "projects": schema.project,
        "tenants": schema.tenant,
        "customers": schema.customer,
        "groups": schema.project_group,
        "clouds": schema.cloud,
    }
    picked = {}
    for name, table in tables.items():
        known = list(db.scalars(select(table.c.uuid).order_by(table.c.id)))
        picked[name] = frozenset(known[i] for i in world.chosen[name] if i < len(known))
    rows = db.execute(
        select(schema.project.c.uuid, schema.customer.c.uuid.label("customer")).join(
            schema.customer, schema.customer.c.id == schema.project.c.customer_id
        )
    )
    brought = {row.uuid for row in rows if row.customer in picked["customers"]}
    brought |= {project for group, project in memberships(db) if group in picked["groups"]}
    cloud, tenant = schema.cloud, schema.tenant
    inside = select(tenant.c.uuid).join(cloud).where(cloud.c.uuid.in_(picked["clouds"]))
    return Scope(
        **picked
        | {
            "projects": picked["projects"] | brought,
            "tenants": picked["tenants"] | set(db.scalars(inside)),
        }
    )


def memberships(db: Database) -> list[tuple[str, str]]:
    group, member, project = schema.project_group, schema.project_group_member, schema.project
    joined = member.join(group, group.c.id == member.c.project_group_id)
    joined = joined.join(project, project.c.id == member.c.project_id)
    rows = db.execute(select(group.c.uuid, project.c.uuid).select_from(joined))
    return [(row[0], row[1]) for row in rows]
