"""Creation time: counted by piece, and what gets a date."""

from bisect import bisect_right
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, update

from openstats.model import EVERYTHING, Interval
from openstats.statistics.interval import edges
from openstats.storage.counts import creation_time
from openstats.storage.schema import tables
from openstats.storage.store import Database, Store
from tests.registry import NOW, created, site
from tests.undone import undone

LATEST = 4102444800


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    start = draw(st.integers(0, LATEST - 1))
    end = draw(st.integers(start + 1, LATEST) | st.integers(start + 1, min(start + 50, LATEST)))
    return Interval(start, end, draw(st.integers(1, min(1000, end - start))))


@st.composite
def cases(draw: st.DrawFn) -> tuple[Interval, list[int]]:
    """Draw an interval and times, many of them at its edges."""
    interval = draw(intervals())
    cuts = st.sampled_from(edges(interval))
    times = st.builds(int.__add__, cuts, st.integers(-1, 1)) | st.integers(0, LATEST)
    return interval, draw(st.lists(times, max_size=12))


def expected(interval: Interval, times: list[int]) -> dict[int, int]:
    cuts = edges(interval)
    return dict(Counter(bisect_right(cuts, t) - 1 for t in times if cuts[0] <= t < cuts[-1]))


@settings(max_examples=150)
@given(cases())
@example((Interval(0, LATEST, 1000), [0, LATEST - 1, LATEST]))
@example((Interval(0, 7, 7), list(range(8))))
def test_counts_are_those_of_the_edges(
    shared_store: Store, case: tuple[Interval, list[int]]
) -> None:
    interval, times = case
    rows = [{"uuid": str(i), "name": "c", "created_at": at} for i, at in enumerate(times)]
    with undone(shared_store) as db:
        if rows:
            db.execute(insert(tables.customer), rows)
        counts = creation_time.counts(db, EVERYTHING, "customer", interval)
    assert counts == expected(interval, times)


@pytest.mark.parametrize(
    ("aggregate", "number"), [("customer", 1), ("project", 2), ("project_group", 3)]
)
def test_each_kind_is_counted_by_itself(db: Database, aggregate: str, number: int) -> None:
    site(db).project("p1", groups=["a", "b"]).project("p2", groups=["c"]).discover(NOW)
    assert creation_time.counts(db, EVERYTHING, aggregate, Interval(NOW, NOW + 1, 1)) == {0: number}


def test_undated_objects_are_never_counted(db: Database) -> None:
    site(db).project("p1").discover(first=True)
    assert creation_time.counts(db, EVERYTHING, "project", Interval(0, LATEST, 1)) == {}


@pytest.mark.parametrize("aggregate", ["customer", "project", "project_group"])
def test_deleted_objects_still_count(db: Database, aggregate: str) -> None:
    site(db).project("p1", groups=["web"]).discover(NOW)
    db.execute(update(tables.metadata.tables[aggregate]).values(deleted_at=NOW + 60))
    assert creation_time.counts(db, EVERYTHING, aggregate, Interval(NOW, NOW + 1, 1)) == {0: 1}


def test_undated_objects_get_the_date_of_their_tenants_first_server_or_volume(
    db: Database,
) -> None:
    alpha = site(db).project("p1", groups=["web"]).project("p2", groups=["web"]).project("p3")
    alpha.project("p4", customer="idle", groups=["none"]).discover(first=True)
    creation_time.date_objects(db, {alpha.row("p1"): 50, alpha.row("p2"): 40})
    assert created(db, "project") == {"p1": 50, "p2": 40, "p3": None, "p4": None}
    assert created(db, "customer") == {"acme": 40, "idle": None}
    assert created(db, "project_group") == {"web": 40, "none": None}


def test_the_earlier_of_two_full_syncs_counts(db: Database) -> None:
    alpha = site(db).project("p1").project("p2").discover(first=True)
    one, two = alpha.row("p1"), alpha.row("p2")
    creation_time.date_objects(db, {one: 50, two: 60})
    creation_time.date_objects(db, {one: 70, two: 20})
    assert created(db, "project") == {"p1": 50, "p2": 20}


def test_the_earliest_of_all_regions_counts(db: Database) -> None:
    one = site(db, "a", region="one").project("p1").discover(first=True)
    two = site(db, "b", region="two").project("p1").discover(first=True)
    creation_time.date_objects(db, {one.row("p1"): 50})
    creation_time.date_objects(db, {two.row("p1"): 30})
    assert created(db, "project") == {"p1": 30}


def test_creation_date_of_a_later_discovery_is_kept(db: Database) -> None:
    alpha = site(db).project("p1").discover(NOW)
    creation_time.date_objects(db, {alpha.row("p1"): 50})
    assert created(db, "project") == {"p1": NOW}
    assert created(db, "customer") == {"acme": NOW}


def test_a_project_found_later_does_not_date_its_undated_customer(db: Database) -> None:
    alpha = site(db, "a", region="one").project("p1").discover(first=True)
    alpha.project("p2", groups=["web"]).discover(NOW)
    creation_time.date_objects(db, {})
    assert created(db, "customer") == {"acme": None}
    assert created(db, "project") == {"p1": None, "p2": NOW}
