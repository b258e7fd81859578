"""The usage report: its basis, its pages, its coverage."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from openstats.errors import ParameterError
from openstats.meters import ALLOCATED, USED
from openstats.model import EVERYTHING, Coverage, Scope, Selection
from openstats.services import usage
from openstats.services.pages import Page
from openstats.services.usage import UsageQuery, UsageReport
from openstats.storage.store import Store
from tests.registry import NOW, site, uuids

MEMORY = {f"memory.{basis}": None for basis in (ALLOCATED, USED)}
READ = MEMORY | {"memory.used": NOW}
EDGES = [NOW - 600, NOW - 300, NOW]


@pytest.fixture
def filled(store: Store) -> Iterator[Store]:
    """Give a store with two projects of two customers, read twice: p1 holds 512 MiB, p2 64."""
    with store.transaction() as db:
        cloud = site(db).project("p1", customer="c1").project("p2", customer="c2").discover()
        for at in (NOW - 600, NOW - 300, NOW):
            cloud.read("memory.allocated", at, p1=512.0, p2=64.0)
        site(db, "beta", region="two")
    return store


def report(store: Store, scope: Scope = EVERYTHING, **fields: Any) -> UsageReport:
    """Return the report of memory by project, unless something else is asked for."""
    defaults: dict[str, Any] = {
        "item": "memory",
        "basis": None,
        "default_basis": "auto",
        "edges": EDGES,
        "selection": Selection("project"),
        "page": Page(),
    }
    return usage.report(store, scope, UsageQuery(**defaults | fields), max_datapoints=4)


def names(found: UsageReport) -> list[str]:
    return [each.name for each in found.objects]


def test_every_object_has_a_value_for_each_piece(filled: Store) -> None:
    found = report(filled, with_shares=True)
    assert names(found) == ["p1", "p2"]
    assert found.figures[0].tolist() == [[512, 64], [512, 64]]
    assert found.meter.name == "memory.allocated"
    assert found.shares is not None
    assert found.shares.tolist() == [[1, 1], [1, 1]]


def test_a_cloud_that_was_never_read_lowers_the_coverage_of_everything_only(filled: Store) -> None:
    assert report(filled).coverage == Coverage(2, 2, 2, 1, NOW)
    with filled.read() as db:
        (uuid,) = [uuid for name, uuid in uuids(db, "project").items() if name == "p1"]
    narrowed = report(filled, selection=Selection("project", (uuid,)))
    assert narrowed.coverage == Coverage(1, 1, 1, 1, NOW)


def test_pages_follow_one_another(filled: Store) -> None:
    first = report(filled, page=Page(limit=1))
    assert (names(first), first.next_marker) == (["p1"], first.objects[0].uuid)
    second = report(filled, page=Page(1, first.next_marker))
    assert (names(second), second.next_marker) == (["p2"], None)


def test_a_caller_who_sees_nothing_gets_nothing(filled: Store) -> None:
    found = report(filled, Scope(frozenset()))
    assert (names(found), found.coverage) == ([], Coverage())


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"item": "cpu", "basis": ALLOCATED}, "basis=allocated: must be used for item=cpu"),
        ({"item": "vcpu_hours", "basis": USED}, "basis=used: must be allocated for item=vcpu"),
        ({"edges": [0, 1, 2, 3]}, "2 objects times 3 intervals are 6; must be at most 4"),
        ({"page": Page(marker="12345678-0000-4000-8000-000000000000")}, "marker=12345678"),
    ],
)
def test_what_cannot_be_reported_is_refused(
    filled: Store, fields: Mapping[str, Any], sentence: str
) -> None:
    with pytest.raises(ParameterError, match=sentence):
        report(filled, **fields)


@pytest.mark.parametrize(
    ("basis", "newest", "expected"),
    [
        (ALLOCATED, {1: READ}, ALLOCATED),
        (USED, {1: MEMORY}, USED),
        ("auto", {}, ALLOCATED),
        ("auto", {1: READ}, USED),
        ("auto", {1: READ, 2: MEMORY}, ALLOCATED),
    ],
)
def test_usage_is_measured_where_every_cloud_is(
    basis: str, newest: Mapping[int, Mapping[str, int | None]], expected: str
) -> None:
    meters = {meter.basis: meter for meter in usage.USAGE if meter.item == "memory"}
    assert usage._basis(basis, meters, newest) == expected
