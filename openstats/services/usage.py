"""The usage report: reads members and readings in one transaction, then sums them up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from openstats.errors import ParameterError, must_be
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
"""The basis ``used`` if the meter sources of all clouds measure it, otherwise ``allocated``."""

Dates = dict[int, int | None]
"""When each cloud (row id) was last read; None if it was never read."""


@dataclass(frozen=True)
class UsageQuery:
    """The objects, the period and the meter of a report.

    Attributes:
        item: the name of the meter in the HTTP API, as in ``meters.UsageMeter.item``.
        basis: the requested basis; None for ``default_basis`` if the item has it.
        default_basis: the configured basis, or ``auto``.
        edges: the edges of the intervals, in Unix seconds.
        with_shares: whether to compute the observed share of each interval.
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
        """Whether the query covers only some of the visible objects."""
        return bool(self.selection.uuids) or not self.page.is_everything


@dataclass(frozen=True)
class UsageReport:
    """The use of objects; ``figures`` are those of ``statistics.usage.values``.

    ``shares`` has the observed share of each interval (row) and object (column), or is None if it
    was not requested.
    """

    meter: UsageMeter
    objects: Sequence[ObjectName]
    figures: tuple[Matrix, Mask]
    coverage: Coverage
    shares: Matrix | None
    next_marker: str | None


class StoredUsage(NamedTuple):
    """The rows of the store that a report is computed from.

    ``observed`` are the readings of the meter's counterpart in ``meters.OBSERVED``, if there is
    one. ``listed_clouds`` are the clouds that the caller may see even without a tenant in them,
    each with whether discovery has read its projects.
    """

    meter: UsageMeter
    members: Members
    readings: Mapping[int, Readings]
    observed: Mapping[int, Readings]
    read_at: Dates
    listed_clouds: Mapping[int, bool]
    next_marker: str | None


def report(store: Store, scope: Scope, query: UsageQuery, *, max_datapoints: int) -> UsageReport:
    """Return the use of the selected objects by interval.

    Raises:
        ParameterError: the item does not have the basis, the marker is not a selected object, or
            there would be more than ``max_datapoints`` datapoints.
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
    """Return the meter of the item on the effective basis, and when each cloud was last read.

    Raises:
        ParameterError: the item does not have the requested basis.
    """
    meters = {meter.basis: meter for meter in USAGE if meter.item == query.item}
    if query.basis and query.basis not in meters:
        raise ParameterError(f"basis={query.basis}: {must_be(meters)} for item={query.item}")
    newest = readings.newest_by_cloud(db, [meter.name for meter in meters.values()])
    meter = meters[_basis(query.basis or query.default_basis, meters, newest)]
    return meter, {cloud: at[meter.name] for cloud, at in newest.items()}


def _basis(
    basis: str, meters: Mapping[str, UsageMeter], newest: Mapping[int, Mapping[str, int | None]]
) -> str:
    """Return the effective basis: the item's only one, ``basis``, or for auto by the readings."""
    if len(meters) == 1:
        return next(iter(meters))
    if basis != AUTOMATIC:
        return basis
    times = [at[meters[USED].name] for at in newest.values()]
    return USED if times and None not in times else ALLOCATED


def _coverage(stored: StoredUsage, *, all_clouds: bool) -> Coverage:
    """Return the coverage; a cloud whose projects were never read counts as unknown."""
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
