"""Readings: written in order, found around any moment, thinned by deletion."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from openstats.errors import LateReadingError
from openstats.meters import USAGE_METERS
from openstats.readings import Reading
from openstats.statistics.odometer import interpolate
from openstats.storage.schema import tables
from openstats.storage.store import Database, Store
from openstats.storage.usage import readings
from tests.registry import NOW, Site, site
from tests.undone import undone

MEMORY, CPU = "memory.allocated", "cpu.used"


def reading(at: int, *totals: float) -> Reading:
    found = np.array([0.0, *totals])
    return Reading(at, np.array([found, found + 1]))


def written(of: Site, *at: int, item: str = MEMORY) -> None:
    for moment in at:
        readings.append(of.db, of.cloud, item, reading(moment, moment / 7))


def test_a_reading_comes_back_to_the_bit(db: Database) -> None:
    alpha = site(db)
    assert readings.last(db, alpha.cloud, MEMORY) is None
    given = reading(NOW, 1 / 3, 1e300, 5e-324, 2**53 + 0.0)
    readings.append(db, alpha.cloud, MEMORY, given)
    found = readings.last(db, alpha.cloud, MEMORY)
    assert found
    assert found.at == NOW
    assert found.totals.tolist() == given.totals.tolist()
    assert found.weights.tolist() == given.weights.tolist()


def test_vectors_lie_in_the_store_as_little_endian_floats(db: Database) -> None:
    alpha = site(db)
    readings.append(db, alpha.cloud, MEMORY, reading(NOW, 1.0))
    raw = bytes(db.execute(select(tables.reading.c.totals)).scalar_one())
    assert raw.hex() == "0000000000000000" + "000000000000f03f"


@pytest.mark.parametrize("late", [NOW, NOW - 300])
def test_a_late_reading_is_refused(db: Database, late: int) -> None:
    alpha = site(db)
    written(alpha, NOW)
    with pytest.raises(LateReadingError, match=r"alpha: memory.allocated: \d+ is not after"):
        written(alpha, late)
    written(alpha, late, item=CPU)
    assert readings.newest_by_meter(db, alpha.cloud) == {MEMORY: NOW, CPU: late}


def test_slots_stay_for_ever_and_new_ones_follow(db: Database) -> None:
    alpha, beta = site(db), site(db, "beta", region="two")
    first = readings.slots(db, alpha.cloud, ["p2", "p1"], NOW)
    assert first == {"p1": 1, "p2": 2}
    assert readings.slots(db, alpha.cloud, ["p3", "p1", "p0"], NOW) == {"p1": 1, "p0": 3, "p3": 4}
    assert readings.slots(db, beta.cloud, ["p1"], NOW) == {"p1": 1}
    assert readings.slots(db, alpha.cloud, ["p2"], NOW) == {"p2": 2}


def times(db: Database, of: Site, *moments: int) -> list[int]:
    found = readings.around(db, [of.cloud.id], MEMORY, moments)
    return [at for read in found.values() for at in read.at.tolist()]


def test_readings_around_moments(db: Database) -> None:
    alpha = site(db)
    written(alpha, 300, 600, 900, 1200)
    written(site(db, "beta", region="two"), 450)
    assert times(db, alpha, 600) == [600]
    assert times(db, alpha, 650) == [600, 900]
    assert times(db, alpha, 1, 10) == [300]
    assert times(db, alpha, 5000) == [1200]
    assert times(db, alpha, 1000, 310, 301) == [300, 600, 900, 1200]
    assert times(db, alpha) == []


def test_readings_of_several_clouds_and_of_none(db: Database) -> None:
    alpha, beta = site(db), site(db, "beta", region="two")
    written(alpha, 300)
    written(beta, 600)
    found = readings.around(db, [alpha.cloud.id, beta.cloud.id, 999], MEMORY, [450])
    assert {cloud: read.at.tolist() for cloud, read in found.items()} == {
        alpha.cloud.id: [300],
        beta.cloud.id: [600],
    }
    assert readings.around(db, [], MEMORY, [450]) == {}


@given(st.sets(st.integers(0, 40), min_size=1), st.sets(st.integers(0, 900), min_size=1))
def test_around_is_what_a_search_through_all_finds(
    shared_store: Store, at: set[int], moments: set[int]
) -> None:
    with undone(shared_store) as db:
        alpha = site(db)
        there = sorted(20 * moment for moment in at)
        written(alpha, *there)
        before = {max((t for t in there if t <= m), default=None) for m in moments}
        after = {min((t for t in there if t >= m), default=None) for m in moments}
        assert times(db, alpha, *moments) == sorted((before | after) - {None})


@pytest.mark.parametrize("slots", [{1}, {3}, {2, 3}, {0}, {0, 3}, {9}, {3, 400}, {400}])
@pytest.mark.parametrize("meter", [MEMORY, CPU])
def test_a_stretch_of_readings_says_the_same_of_its_slots(
    db: Database, slots: set[int], meter: str
) -> None:
    alpha = site(db)
    for at, length in ((300, 1), (600, 2), (900, 4), (1200, 500)):
        vectors = (np.arange(length) * at * 1.25, np.arange(length, 0, -1) * at * 0.5)
        readings.append(db, alpha.cloud, meter, Reading(at, np.array(vectors)))
    places, moments = np.array([0, *sorted(slots)]), [1, 450, 700, 1200, 2000]
    whole, some = (
        readings.around(db, [alpha.cloud.id], meter, moments, wanted)[alpha.cloud.id]
        for wanted in ((), slots)
    )
    told = [interpolate(read, moments, places, USAGE_METERS[meter]) for read in (whole, some)]
    assert np.array_equal(told[0], told[1])
    narrow = max(slots) - min(slots - {0}, default=1) < 128
    assert (some.vectors.shape[2] < 500) == narrow


@pytest.mark.parametrize(("slots", "first"), [((), 1), ({2}, 2)])
def test_slots_missing_in_older_readings_are_nan(db: Database, slots: set[int], first: int) -> None:
    alpha = site(db)
    older, newer = reading(300), reading(600, 1.5, 2.5)
    for found in (older, newer):
        readings.append(db, alpha.cloud, MEMORY, found)
    read = readings.around(db, [alpha.cloud.id], MEMORY, [450], slots)[alpha.cloud.id]
    assert (read.first, read.at.tolist()) == (first, [300, 600])
    assert np.array_equal(read.vectors[0, :, :1], older.vectors)
    assert np.isnan(read.vectors[0, :, 1:]).all()
    assert np.array_equal(read.vectors[1], newer.vectors[:, [0, *range(first, 3)]])


def test_both_ends_of_a_gap_are_kept(db: Database) -> None:
    alpha = site(db)
    written(alpha, 300, 600)
    readings.append(db, alpha.cloud, MEMORY, reading(9000, 1), after_gap=True)
    written(alpha, 9300)
    expected = [(300, False), (600, True), (9000, True), (9300, False)]
    assert readings.times(db, alpha.cloud, MEMORY) == expected


def test_thinned_readings_are_deleted(db: Database) -> None:
    alpha = site(db)
    written(alpha, 300, 600, 900)
    written(alpha, 600, item=CPU)
    readings.delete_at(db, alpha.cloud, MEMORY, [600])
    readings.delete_at(db, alpha.cloud, MEMORY, [])
    assert [at for at, _ in readings.times(db, alpha.cloud, MEMORY)] == [300, 900]
    assert readings.newest_by_meter(db, alpha.cloud) == {MEMORY: 900, CPU: 600}


def test_when_clouds_were_read_last(db: Database) -> None:
    assert readings.newest_by_cloud(db, [MEMORY]) == {}
    alpha, beta = site(db), site(db, "beta", region="two")
    written(alpha, 300, 600)
    written(beta, 900, item=CPU)
    assert readings.newest_by_cloud(db, [MEMORY, CPU]) == {
        alpha.cloud.id: {MEMORY: 600, CPU: None},
        beta.cloud.id: {MEMORY: None, CPU: 900},
    }


def test_a_cursor_is_replaced(db: Database) -> None:
    alpha = site(db)
    assert readings.cursor(db, alpha.cloud, "nova") == {}
    readings.write_cursor(db, alpha.cloud, "nova", {"vm": [1.5, 2]})
    readings.write_cursor(db, alpha.cloud, "nova", {"other": None})
    assert readings.cursor(db, alpha.cloud, "nova") == {"other": None}
    assert readings.cursor(db, alpha.cloud, "gnocchi") == {}
