"""The resource report: capacity and quotas of the clouds of one auth_url."""

from collections.abc import Mapping

from openstats.errors import NotPolledError, ParameterError, must_be
from openstats.model import Capacity, Coverage
from openstats.names import escaped
from openstats.statistics import coverage as statistic_coverage
from openstats.statistics import resource as statistic
from openstats.storage import coverage, jobs
from openstats.storage.inventory import capacity
from openstats.storage.quota import sums
from openstats.storage.store import Database, Store

Capacities = Mapping[int, tuple[Capacity, int] | None]
"""The capacity of clouds (row ids), and when it was read; None if it was never read."""


def report(
    store: Store, auth_url: str, region: str | None, *, now: int, skip_unlimited: bool
) -> tuple[dict[str, int], Coverage]:
    """Return the nine figures of the clouds with an auth_url, and the coverage.

    ``auth_url`` is in its compared form.

    Raises:
        ParameterError: no cloud has the auth_url, or none of them has the region.
        NotPolledError: no capacity has been read yet. The clouds' jobs have been made due.
    """
    with store.read() as db:
        clouds = _capacities(db, auth_url, region)
        totals, tenants = sums.total_of_clouds(db, clouds)
        complete = coverage.polled_clouds(db, clouds, "quotas")
    capacities, read_at = _known(clouds)
    if not capacities:
        _make_due(store, clouds, now)
        raise NotPolledError("no figures have been read from this cloud yet: ask again in a moment")
    figures = statistic.resource(capacities, totals, skip_unlimited=skip_unlimited)
    return figures, statistic_coverage.of_clouds(tenants, clouds, read_at, complete)


def _capacities(db: Database, auth_url: str, region: str | None) -> Capacities:
    capacities = capacity.of_url(db, auth_url, region)
    if capacities:
        return capacities
    regions = capacity.regions(db, auth_url)
    if regions:
        raise ParameterError(
            f"region={escaped(region or '')}: no such region of {auth_url} is registered; "
            f"{must_be(map(escaped, regions))}"
        )
    raise ParameterError(f"auth_url={auth_url}: no cloud with this URL is registered")


def _known(clouds: Capacities) -> tuple[list[Capacity], dict[int, int]]:
    """Return the known capacities, and when each cloud was read, by row id."""
    capacities, read_at = [], {}
    for cloud, row in clouds.items():
        if row is not None:
            capacities.append(row[0])
            read_at[cloud] = row[1]
    return capacities, read_at


def _make_due(store: Store, clouds: Capacities, now: int) -> None:
    with store.transaction() as db:
        jobs.make_all_due(db, list(clouds), now)
