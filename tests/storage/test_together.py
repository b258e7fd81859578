"""Several collectors that write of the same things at the same moment."""

from typing import Any

from sqlalchemy import func, select

from openstats.storage.registry import tenants
from openstats.storage.schema import tables
from openstats.storage.store import Database, Store
from tests.registry import NOW, site
from tests.storage.together import ROUNDS, WRITERS, together


def number_of(store: Store, table: Any) -> int:
    with store.read() as db:
        return int(db.scalar(select(func.count()).select_from(table)) or 0)


def test_regions_that_discover_the_same_projects(store: Store) -> None:
    with store.transaction() as db:
        for number in range(WRITERS):
            site(db, f"region{number}", region=str(number))

    def discover(db: Database, number: int, turn: int) -> None:
        found = site(db, f"region{number}", region=str(number))
        found.project(f"p{turn}", customer=f"c{turn}", groups=["web"]).discover(NOW + turn)

    together(store, discover)
    assert number_of(store, tables.customer) == ROUNDS
    assert number_of(store, tables.project) == ROUNDS
    assert number_of(store, tables.project_group) == ROUNDS
    assert number_of(store, tables.tenant) == WRITERS * ROUNDS


def test_polls_that_meet_a_new_tenant(store: Store) -> None:
    with store.transaction() as db:
        cloud = site(db).cloud
    found: list[int] = []

    def meet(db: Database, _: int, turn: int) -> None:
        found.append(tenants.rows_of(db, cloud, [f"p{turn}"], NOW)[f"p{turn}"])

    together(store, meet)
    assert number_of(store, tables.tenant) == number_of(store, tables.quota) == ROUNDS
    assert len(set(found)) == ROUNDS


def test_collectors_that_register_the_same_clouds(store: Store) -> None:
    together(store, lambda db, _, turn: site(db, f"cloud{turn}", region=str(turn)))
    assert number_of(store, tables.cloud) == ROUNDS
