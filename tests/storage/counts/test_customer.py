"""Customer: what each has, for whom, page by page."""

import pytest
from sqlalchemy import insert, select, update

from openstats.model import EVERYTHING, Scope
from openstats.storage.counts import customer
from openstats.storage.schema import tables
from openstats.storage.store import Database
from tests.registry import NOW, site, uuids


def counts(db: Database, scope: Scope = EVERYTHING) -> dict[str, tuple[int, int, int]]:
    """Give projects, groups and instances by customer."""
    return {
        of.customer.name: (of.projects, of.project_groups, of.instances)
        for of in customer.listing(db, scope)
    }


def names(db: Database, **page: object) -> list[str]:
    return [of.customer.name for of in customer.listing(db, EVERYTHING, **page)]


def test_empty_registry_has_no_customers(db: Database) -> None:
    assert counts(db) == {}


def test_projects_groups_and_instances(db: Database) -> None:
    alpha = site(db).project("p1", groups=["web", "db"]).project("p2", groups=["web"])
    alpha.project("p3", customer="other").discover().servers("p1", 3).servers("p2", 1)
    assert counts(db) == {"acme": (2, 2, 4), "other": (1, 0, 0)}


def test_instances_of_all_regions(db: Database) -> None:
    for region, number in (("one", 1), ("two", 2)):
        site(db, region, region=region).project("p1").discover().servers("p1", number)
    assert counts(db) == {"acme": (1, 0, 3)}


def test_counts_are_integers(db: Database) -> None:
    site(db).project("p1").discover().servers("p1", 1)
    (found,) = customer.listing(db, EVERYTHING)
    kinds = [type(n) for n in (found.projects, found.project_groups, found.instances)]
    assert kinds == [int, int, int]


def test_instances_in_any_state_count(db: Database) -> None:
    alpha = site(db).project("p1").discover()
    for status in ("ACTIVE", "SHUTOFF", "ERROR", "SHELVED_OFFLOADED", "BUILD"):
        alpha.server("p1", status=status)
    assert counts(db) == {"acme": (1, 0, 5)}


def test_instances_of_unlinked_tenants_are_nobodys(db: Database) -> None:
    site(db).project("p1").project("admin", customer=None).discover().servers("admin", 2)
    assert counts(db) == {"acme": (1, 0, 0)}


def test_disabled_projects_count_while_they_hold_something(db: Database) -> None:
    alpha = site(db)
    for key in ("bare", "served", "stored"):
        alpha.project(key, enabled=False)
    alpha.discover().servers("served", 1).quota("bare", vcpu=(4, 0))
    alpha.quota("served", max_instances=(4, 1)).quota("stored", storage=(4, 1))
    assert counts(db) == {"acme": (2, 0, 1)}


def test_gone_tenants_take_their_project_and_instances_along(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover().servers("p1", 2).servers("p2", 1)
    alpha.without("p1").discover().discover()
    assert counts(db) == {"acme": (1, 0, 1)}


def test_a_project_that_is_gone_from_one_region_stays(db: Database) -> None:
    one = site(db, "a", region="one").project("p1").project("p2").discover().servers("p1", 1)
    site(db, "b", region="two").project("p1").discover().servers("p1", 2)
    one.without("p1").discover().discover()
    assert counts(db) == {"acme": (2, 0, 2)}


def test_a_project_made_by_hand_has_no_tenant_and_counts(db: Database) -> None:
    site(db).project("p1").discover()
    acme = db.scalar(select(tables.customer.c.id))
    db.execute(insert(tables.project).values(uuid="x", name="mine", customer_id=acme))
    assert counts(db) == {"acme": (2, 0, 0)}


@pytest.mark.parametrize(
    ("table", "left"),
    [("customer", {}), ("project", {"acme": (0, 1, 0)}), ("project_group", {"acme": (1, 0, 1)})],
)
def test_deleted_objects_are_left_out(
    db: Database, table: str, left: dict[str, tuple[int, int, int]]
) -> None:
    site(db).project("p1", groups=["web"]).discover().servers("p1", 1)
    db.execute(update(tables.metadata.tables[table]).values(deleted_at=NOW))
    assert counts(db) == left


def test_pages(db: Database) -> None:
    alpha = site(db)
    for i, name in enumerate("dbacb"):
        alpha.project(f"p{i}", customer=name, customer_key=str(i))
    alpha.discover()
    whole = [of.customer for of in customer.listing(db, EVERYTHING)]
    assert [of.name for of in whole] == ["a", "b", "b", "c", "d"]
    pages, marker = [], None
    for _ in range(3):
        pages.append(customer.listing(db, EVERYTHING, limit=2, marker=marker))
        marker = pages[-1][-1].customer.uuid
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [of.customer for page in pages for of in page] == whole


def test_a_marker_without_a_limit(db: Database) -> None:
    site(db).project("p1", customer="a").project("p2", customer="b").discover()
    assert names(db, marker=uuids(db, "customer")["a"]) == ["b"]
    assert names(db, marker=uuids(db, "customer")["b"]) == []
    assert names(db, limit=1) == ["a"]


def test_an_unknown_marker_has_nothing_behind_it(db: Database) -> None:
    site(db).project("p1").discover()
    assert names(db, marker="00000000-0000-0000-0000-000000000000") == []
