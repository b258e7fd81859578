"""Usage, against a naive sum over everything that ever happened, second by second in principle."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openstats.meters import MEAN, OBSERVED, SHARE, USAGE_METERS
from openstats.model import ObjectName
from openstats.readings import Delta, Members, Reading, Readings
from openstats.statistics import observation, odometer, usage
from tests.readings import columns

GRID = 300
BEGIN = 1_700_000_100
CLOUDS = (7, 9)
MEMORY, CPU, HOURS = (
    USAGE_METERS[name] for name in ("memory.allocated", "cpu.used", "vcpu_hours.allocated")
)
OBJECTS = [ObjectName(f"u{i}", f"object {i}") for i in range(3)]


@dataclass(frozen=True)
class Step:
    """What happened in one stretch of time: gains by slot, nobody's where it was not observed."""

    start: int
    end: int
    observed: bool
    gains: dict[int, tuple[float, float]]
    unobserved: frozenset[int]


@dataclass(frozen=True)
class Stay:
    """A slot of a cloud belongs to an object for a while."""

    cloud: int
    slot: int
    owner: int
    since: int
    until: int


@st.composite
def histories(draw: st.DrawFn, share: bool) -> list[Step]:
    """Give steps of a cloud in which tenants come one by one, fail now and then, and gaps gape."""
    at, tenants, steps = BEGIN, 0, []
    for _ in range(draw(st.integers(1, 6))):
        tenants += draw(st.integers(0, 2))
        end = at + GRID * draw(st.integers(1, 3))
        observed = draw(st.booleans()) or draw(st.booleans())
        gains, unobserved = {}, set()
        for slot in range(1, tenants + 1):
            kind = draw(st.sampled_from(["gain", "gain", "nothing", "unobserved"]))
            if kind == "gain":
                # Whole vCPU-seconds, and not more burnt than there were.
                weight = float(draw(st.integers(0, 10**6)) if share else end - at)
                total = draw(st.floats(0, 1)) * (weight if share else 1e9)
                gains[slot] = (total, weight)
            elif kind == "unobserved":
                unobserved.add(slot)
        steps.append(Step(at, end, observed, gains, frozenset(unobserved)))
        at = end
    return steps


def readings(steps: Sequence[Step], meter) -> list[Reading]:
    found = [odometer.first_reading(steps[0].start)]
    for step in steps:
        if step.observed:
            tick = Delta(step.end, step.end - step.start, step.gains, step.unobserved)
            found.append(odometer.advance(found[-1], tick, meter))
        else:
            found.append(odometer.end_of_gap(found[-1], step.end))
    return found


@st.composite
def stays(draw: st.DrawFn, cloud: int) -> list[Stay]:
    """Give which object each slot of a cloud belongs to, one after the other."""
    found = []
    for slot in range(1, 5):
        moves = draw(st.lists(st.integers(BEGIN - 500, BEGIN + 6000), max_size=2, unique=True))
        for since, until in pairwise([0, *sorted(moves), 2**53]):
            owner = draw(st.sampled_from([None, 0, 1, 2]))
            if owner is not None:
                found.append(Stay(cloud, slot, owner, since, until))
    return found


def members(found: Iterable[Stay]) -> Members:
    rows = [(10 * s.cloud + s.slot, s.cloud, s.slot, s.owner, s.since, s.until) for s in found]
    rows.sort(key=lambda row: (row[1], row[3]))
    return Members(OBJECTS, *np.array(rows, np.int64).reshape(-1, 6).T)


def overlap(a: int, b: int, c: int, d: int) -> int:
    return max(0, min(b, d) - max(a, c))


def naive(meter, history: Sequence[Step], stay: Stay, start: int, end: int) -> tuple[float, float]:
    """Give total and weight of one stay in an interval, step by step."""
    total = weight = 0.0
    for step in history:
        length = step.end - step.start
        if not step.observed or stay.slot in step.unobserved:
            continue
        mine = overlap(max(start, stay.since), min(end, stay.until), step.start, step.end)
        gain = step.gains.get(stay.slot, (0.0, 0.0 if meter.kind == SHARE else float(length)))
        total += gain[0] * mine / length
        # A mean is over all the time in which the tenant was seen, whosever it was.
        seen = mine if meter.kind == SHARE else overlap(start, end, step.start, step.end)
        weight += gain[1] * seen / length
    return total, weight


def expected(meter, histories, stays, owner: int, start: int, end: int) -> float:
    mine = [s for s in stays if s.owner == owner]
    found = [naive(meter, histories[s.cloud], s, start, end) for s in mine]
    if meter.kind == SHARE:
        weight = sum(weight for _, weight in found)
        return 100 * sum(total for total, _ in found) / weight if weight > 0 else 0
    if meter.kind == MEAN:
        return sum(total / weight for total, weight in found if weight > 0)
    return sum(total for total, _ in found) / 3600


@st.composite
def intervals(draw: st.DrawFn) -> list[int]:
    return sorted(draw(st.sets(st.integers(BEGIN - 1000, BEGIN + 7000), min_size=2, max_size=6)))


@pytest.mark.parametrize("meter", [MEMORY, CPU, HOURS], ids=lambda meter: meter.name)
@given(data=st.data(), edges=intervals())
def test_any_interval_of_any_history_is_the_naive_sum(meter, data, edges) -> None:
    happened = {c: data.draw(histories(meter.kind == SHARE)) for c in CLOUDS}
    owned = [stay for c in CLOUDS for stay in data.draw(stays(c))]
    read = {c: columns(*readings(steps, meter)) for c, steps in happened.items()}
    found, _ = usage.values(meter, edges, members(owned), read)
    for i, (start, end) in enumerate(pairwise(edges)):
        for owner in range(len(OBJECTS)):
            wanted = expected(meter, happened, owned, owner, start, end)
            assert found[i, owner] == pytest.approx(wanted, rel=1e-6, abs=1e-3)


def seen(meter, history: Sequence[Step], slot: int, start: int, end: int) -> float:
    """Give which share of an interval a slot was observed; a share's slots are not told apart."""
    seconds = sum(
        overlap(start, end, step.start, step.end)
        for step in history
        if step.observed and (meter.kind == SHARE or slot not in step.unobserved)
    )
    return seconds / (end - start)


@pytest.mark.parametrize("meter", [MEMORY, CPU, HOURS], ids=lambda meter: meter.name)
@given(data=st.data(), edges=intervals())
def test_observed_share_is_the_least_of_the_tenants(meter, data, edges) -> None:
    happened = {c: data.draw(histories(meter.kind == SHARE)) for c in CLOUDS}
    owned = [stay for c in CLOUDS for stay in data.draw(stays(c))]
    read = {c: columns(*readings(steps, meter)) for c, steps in happened.items()}
    clouds = observation.of_clouds(meter, edges, read)
    found = observation.of_objects(meter, edges, members(owned), read, clouds)
    _, known = usage.values(meter, edges, members(owned), read)
    for i, (start, end) in enumerate(pairwise(edges)):
        for cloud, steps in happened.items():
            # No slot is ever unobserved that nobody has.
            assert clouds[cloud][i] == pytest.approx(seen(meter, steps, 99, start, end), abs=1e-5)
        for owner in range(len(OBJECTS)):
            shares = [1.0]
            for stay in (s for s in owned if s.owner == owner):
                there = overlap(start, end, stay.since, stay.until)
                slot = stay.slot if there else 99
                shares.append(seen(meter, happened[stay.cloud], slot, start, end))
            assert found[i, owner] == pytest.approx(min(shares), abs=1e-5)
            assert known[i, owner] or found[i, owner] < 1


def test_unread_cloud_has_no_usage() -> None:
    first = odometer.first_reading(0)
    second = odometer.advance(first, Delta(300, 300, {1: (3000, 300)}), MEMORY)
    both = members([Stay(7, 1, 0, 0, 2**53), Stay(9, 1, 0, 0, 2**53), Stay(7, 1, 1, 0, 2**53)])
    read = {7: columns(first, second)}
    clouds = observation.of_clouds(MEMORY, [0, 300, 600], read)
    found = observation.of_objects(MEMORY, [0, 300, 600], both, read, clouds)
    assert found.tolist() == [[0, 1, 1], [0, 0, 1]]


@given(data=st.data(), edges=intervals(), keep=st.sets(st.integers(0, 20)))
def test_readings_that_are_no_edge_may_go(data, edges, keep) -> None:
    """Between readings it is linear: those that stay are exact, and so are edges on them."""
    history = data.draw(histories(share=False))
    read = readings(history, MEMORY)
    kept = [r for i, r in enumerate(read) if i in keep or i in (0, len(read) - 1)]
    times = [reading.at for reading in kept]
    owned = members([Stay(7, slot, 0, 0, 2**53) for slot in range(1, 5)])
    few, _ = usage.values(MEMORY, times, owned, {7: columns(*kept)})
    all_of_them, _ = usage.values(MEMORY, times, owned, {7: columns(*read)})
    assert few == pytest.approx(all_of_them)


def whole(*slots: int, cloud: int = 7) -> Members:
    return members(Stay(cloud, slot, slot - 1, 0, 2**53) for slot in slots)


def test_usage_is_known_between_readings() -> None:
    first = odometer.first_reading(1000)
    second = odometer.advance(first, Delta(1300, 300, {1: (0, 300)}, frozenset({2})), MEMORY)
    gap = odometer.end_of_gap(second, 9000)
    _, known = usage.values(
        MEMORY, [0, 1000, 1300, 9000, 9999], whole(1, 2), {7: columns(first, second, gap)}
    )
    assert known[:, 0].tolist() == [False, True, False, False]
    assert known[:, 1].tolist() == [False, False, False, False]
    # An object without tenants has nothing that could be unknown.
    assert known[:, 2].all()


def test_one_cloud_that_was_not_observed_makes_the_sum_unknown() -> None:
    first = odometer.first_reading(0)
    second = odometer.advance(first, Delta(300, 300, {1: (3000, 300)}), MEMORY)
    both = members([Stay(7, 1, 0, 0, 2**53), Stay(9, 1, 0, 0, 2**53)])
    found, known = usage.values(MEMORY, [0, 300], both, {7: columns(first, second)})
    assert (found[0, 0], known[0, 0]) == (10, False)


def test_a_share_is_never_more_than_all() -> None:
    first = odometer.first_reading(0)
    busy = odometer.advance(first, Delta(300, 300, {1: (301, 300)}), CPU)
    assert usage.values(CPU, [0, 300], whole(1), {7: columns(first, busy)})[0][0, 0] == 100


@pytest.mark.parametrize("meter", [MEMORY, CPU, HOURS], ids=lambda meter: meter.name)
def test_a_tenant_without_a_slot_used_nothing_while_its_cloud_was_observed(meter) -> None:
    first = odometer.first_reading(0)
    second = odometer.advance(first, Delta(300, 300, {1: (300, 300)}), meter)
    both = members([Stay(7, 0, 0, 0, 2**53), Stay(7, 1, 0, 0, 2**53), Stay(7, 0, 1, 0, 2**53)])
    found, known = usage.values(meter, [-300, 0, 300], both, {7: columns(first, second)})
    assert (found[1, 0], found[1, 1]) == (100 if meter is CPU else found[1, 0], 0)
    assert found[1, 0] > 0
    assert known[:, :2].tolist() == [[False, False], [True, True]]


def keeping(*unobserved: frozenset[int]) -> Readings:
    """Give the readings that keep who was observed in each step of the grid."""
    found = [odometer.first_reading(0)]
    for step, missing in enumerate(unobserved, 1):
        tick = Delta(GRID * step, GRID, {}, missing)
        found.append(odometer.advance(found[-1], tick, OBSERVED["cpu.used"]))
    return columns(*found)


def test_cpu_of_a_tenant_that_was_not_measured_is_not_known() -> None:
    """The first burns, the second runs and is not measured, the third has nothing that runs."""
    first = odometer.first_reading(0)
    second = odometer.advance(first, Delta(GRID, GRID, {1: (30, GRID)}, frozenset({2})), CPU)
    third = odometer.advance(second, Delta(2 * GRID, GRID, {2: (60, GRID)}), CPU)
    read, edges = {7: columns(first, second, third)}, [0, GRID, 2 * GRID]
    seen = {7: keeping(frozenset({2}), frozenset())}
    found, known = usage.values(CPU, edges, whole(1, 2, 3), read, seen)
    assert found.tolist() == [[10, 0, 0], [0, 20, 0]]
    assert known.tolist() == [[True, False, True], [True, True, True]]
    # Over both, as much as was measured is known.
    assert usage.values(CPU, [0, 2 * GRID], whole(2), read, seen)[1][0, 1]
    # Before anybody kept it, nobody knows better than the cloud's clock.
    late = {7: columns(odometer.first_reading(2 * GRID))}
    assert usage.values(CPU, edges, whole(1, 2, 3), read, late)[1].all()
    shares = observation.of_objects(CPU, edges, whole(1, 2, 3), read, {7: np.ones(2)}, seen)
    assert shares.tolist() == [[1, 0, 1], [1, 1, 1]]
    assert (
        observation.of_objects(CPU, edges, whole(1, 2, 3), read, {7: np.ones(2)}, late) == 1
    ).all()


def test_empty_selection_has_no_usage() -> None:
    none = Members([], *np.zeros((6, 0), np.int64))
    found = usage.values(MEMORY, [0, 10], none, {})
    assert usage.listing([], [0, 10], found) == []


def test_the_document() -> None:
    objects = [ObjectName("u1", "Proj27", "c1"), ObjectName("u2", "Proj28")]
    found = np.array([[0, 1.5], [3, 2]]), np.array([[False, True], [True, True]])
    edges = [1, 471970877, 943941753]
    assert usage.listing(objects, edges, found) == [
        {
            "name": "Proj27",
            "datapoints": [
                {"from": 1, "to": 471970877, "value": 0},
                {"from": 471970877, "to": 943941753, "value": 3.0},
            ],
        },
        {
            "name": "Proj28",
            "datapoints": [
                {"from": 1, "to": 471970877, "value": 1.5},
                {"from": 471970877, "to": 943941753, "value": 2.0},
            ],
        },
    ]
    one, two = usage.listing(objects, edges, found, with_uuid=True, fill_null=True)
    assert (one["uuid"], one["customer"]) == ("u1", "c1")
    assert [point["value"] for point in one["datapoints"]] == [None, 3.0]
    assert "customer" not in two
