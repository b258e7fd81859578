"""The usage report: members and readings are read in one state of the store, then added up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from openstats.errors import ParameterError
from openstats.meters import ALLOCATED, OBSERVED, USAGE, USED, UsageMeter
from openstats.model import Coverage, ObjectName, Scope, Selection
from openstats.readings import Members, Readings
from openstats.services import pages
from openstats.services.pages import Page
from openstats.statistics import coverage, observation
from openstats.statistics import usage as statistic
from openstats.statistics.usage import Mask, Matrix
from openstats.storage.coverage import listed_clouds
from openstats.storage.store import Database, Store
from openstats.storage.usage import members, readings

AUTOMATIC = "auto"
"""The basis that is used where all clouds have a source that measures it, and else allocated."""

Dates = dict[int, int | None]
"""When each cloud (row id) was read last; None for never."""


@dataclass(frozen=True)
class UsageQuery:
    """The objects, the period and the measure of a report.

    Attributes:
        item: what was used, as in ``meters.UsageMeter.item``.
        basis: the basis that was asked for; None: ``default_basis`` where the item has it.
        default_basis: the configured one, or ``auto``.
        edges: the edges of the pieces, in Unix seconds.
        with_shares: whether to find out which share of each piece was observed.
    """

    item: str
    basis: str | None
    default_basis: str
    edges: Sequence[int]
    selection: Selection
    page: Page
    with_shares: bool = False

    @property
    def is_narrowed(self) -> bool:
        """Whether this asks for some objects only."""
        return bool(self.selection.uuids) or not self.page.is_everything


@dataclass(frozen=True)
class UsageReport:
    """The use of objects, in ``figures`` of ``statistics.usage.values``.

    ``shares`` is the share of each piece (row) for which each object was observed, where it was
    asked for.
    """

    meter: UsageMeter
    objects: Sequence[ObjectName]
    figures: tuple[Matrix, Mask]
    coverage: Coverage
    shares: Matrix | None
    next_marker: str | None


class StoredUsage(NamedTuple):
    """The rows of the store that a report is made of.

    ``observed`` are the readings of the meter in ``meters.OBSERVED``, if there is one;
    ``listed_clouds`` says which clouds the caller is shown even without a tenant in them.
    """

    meter: UsageMeter
    members: Members
    readings: Mapping[int, Readings]
    observed: Mapping[int, Readings]
    read_at: Dates
    listed_clouds: Mapping[int, bool]
    next_marker: str | None


def report(store: Store, scope: Scope, query: UsageQuery, *, max_datapoints: int) -> UsageReport:
    """Return what the selected objects used in each piece.

    Raises:
        ParameterError: the item does not have the basis, the marker is none of the objects, or
            there would be more than ``max_datapoints``.
    """
    with store.read() as db:
        stored = _read(db, scope, query, max_datapoints)
    figures = statistic.values(
        stored.meter, query.edges, stored.members, stored.readings, stored.observed
    )
    return UsageReport(
        stored.meter,
        stored.members.objects,
        figures,
        _coverage(stored, all_clouds=scope.everything and not query.is_narrowed),
        _shares(stored, query.edges) if query.with_shares else None,
        stored.next_marker,
    )


def _read(db: Database, scope: Scope, query: UsageQuery, max_datapoints: int) -> StoredUsage:
    selection, page = query.selection, query.page
    meter, read_at = _meter(db, query)
    pages.check(db, scope, selection, page)
    selected = members.read(db, scope, selection, limit=page.limit, marker=page.marker)
    pages.check_size(len(selected.objects), len(query.edges) - 1, max_datapoints)
    clouds, slots = set(selected.clouds.tolist()), set(selected.slots.tolist())
    moments = statistic.cuts(query.edges, selected)
    observed: Mapping[int, Readings] = {}
    if meter.name in OBSERVED:
        observed = readings.around(db, clouds, OBSERVED[meter.name].name, moments, slots)
    return StoredUsage(
        meter,
        selected,
        readings.around(db, clouds, meter.name, moments, slots),
        observed,
        read_at,
        {} if query.is_narrowed else listed_clouds(db, scope),
        pages.next_marker(db, scope, selection, page, selected.objects),
    )


def _meter(db: Database, query: UsageQuery) -> tuple[UsageMeter, Dates]:
    """Return the meter of an item, on the basis that applies, and when each cloud was read last.

    Raises:
        ParameterError: the item does not have the basis that was asked for.
    """
    meters = {meter.basis: meter for meter in USAGE if meter.item == query.item}
    if query.basis and query.basis not in meters:
        bases = ", ".join(meters)
        raise ParameterError(f"basis={query.basis}: {query.item} has {bases} only")
    newest = readings.newest_by_cloud(db, [meter.name for meter in meters.values()])
    meter = meters[_basis(query.basis or query.default_basis, meters, newest)]
    return meter, {cloud: at[meter.name] for cloud, at in newest.items()}


def _basis(
    basis: str, meters: Mapping[str, UsageMeter], newest: Mapping[int, Mapping[str, int | None]]
) -> str:
    """Return the basis that applies: the item's only one, the given one, or by what was read."""
    if len(meters) == 1:
        return next(iter(meters))
    if basis != AUTOMATIC:
        return basis
    times = [at[meters[USED].name] for at in newest.values()]
    return USED if times and None not in times else ALLOCATED


def _coverage(stored: StoredUsage, *, all_clouds: bool) -> Coverage:
    """Return the coverage; a cloud of which the projects were never read is not known."""
    read_at = dict(stored.read_at)
    for cloud, is_discovered in stored.listed_clouds.items():
        if not is_discovered:
            read_at[cloud] = None
    clouds = set(stored.members.clouds.tolist())
    return coverage.of_usage(
        stored.members,
        read_at,
        all_clouds=all_clouds,
        unobserved=observation.never(clouds, stored.readings),
        more_clouds=stored.listed_clouds,
    )


def _shares(stored: StoredUsage, edges: Sequence[int]) -> Matrix:
    clouds = observation.of_clouds(stored.meter, edges, stored.readings)
    return observation.of_objects(
        stored.meter, edges, stored.members, stored.readings, clouds, stored.observed
    )
