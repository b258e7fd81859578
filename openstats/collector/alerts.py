"""Alerts of our own: rules that are held against what polls have brought, after each of them."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from openstats.alerts import Finding
from openstats.clouds.meters import GRID
from openstats.collector.poll import Poll
from openstats.meters import QUOTAS, UNLIMITED
from openstats.model import Cloud, Quota
from openstats.statistics.alert import ERROR, WARNING, Thresholds
from openstats.statistics.capacity import allocations
from openstats.storage import capacity, episodes, jobs, quota, raised, registry
from openstats.storage.raised import Cause, Standing
from openstats.storage.store import Database, Store

DAY = 86_400
UNITS = {meter.name: meter.unit for meter in QUOTAS}
TRIVIAL = 1
"""A limit up to which use is all or nothing: no share of it says anything."""

Before = dict[Cause, Standing]
Outcome = dict[str, Any]


def after(poll: Poll, since: float) -> None:
    """Hold the rules of a kind of poll against what is in the store now.

    ``since`` is when this collector started: what it could not have polled is nobody's fault.
    """
    with poll.store.transaction() as db:
        for family, rule in RULES.get(poll.lease.kind, {}).items():
            before = raised.standing(db, poll.cloud.id, family)
            raised.settle(db, before, rule(db, poll, before), poll.now)
    tidy(poll.store, poll.alerts, poll.options, now=poll.now, since=since)


def tidy(store: Store, alerts: Any, options: Any, *, now: int, since: float) -> None:
    """Tell which clouds are silent, close what went stale, and let go of what grew old."""
    with store.transaction() as db:
        episodes.go_stale(db, now - alerts.stale_after)
        if alerts.keep_days:
            raised.forget(db, now - alerts.keep_days * DAY)
        outcomes = jobs.outcomes(db)
        for cloud in registry.clouds(db):
            mine = [row for row in outcomes if row["name"] == cloud.name]
            found = _silent(cloud, mine, alerts, options, now, since)
            raised.settle(db, raised.standing(db, cloud.id, "poll."), found, now)


def _silent(
    cloud: Cloud, outcomes: Iterable[Outcome], alerts: Any, options: Any, now: int, since: float
) -> Iterator[Finding]:
    """Find the kinds of poll that have not succeeded for some intervals."""
    for row in outcomes:
        kind, last, error = row["kind"], row["polled_at"] or 0, row["error"]
        failing = last and error is not None and row["error_at"] > last
        longest = alerts.silent_intervals * getattr(options, f"{kind}_interval", GRID)
        if now - (last if failing else max(last, since)) > longest:
            ago = f"for {(now - last) // 60} minutes" if last else "so far"
            told = f"{cloud.name}: {kind} was not read {ago}: {error or 'nobody asked'}"
            yield Finding("cloud", cloud.id, f"poll.{kind}", ERROR, told)


def _quotas(db: Database, poll: Poll, before: Before) -> Iterator[Finding]:
    """Find tenants that have nearly used up what they may have."""
    usual = Thresholds(poll.alerts.quota_warning, poll.alerts.quota_error, poll.alerts.margin)
    special = {
        uuid: _thresholds(told, poll.alerts.margin)
        for uuid, told in poll.alerts.quota_of_customers.items()
    }
    for row, customer, figures in quota.of_cloud(db, poll.cloud):
        thresholds = special.get(customer or "", usual)
        for name, held in figures.items():
            was = before.get(("tenant", row, f"quota.{name}"))
            if severity := _worth(thresholds, held, was):
                yield Finding("tenant", row, f"quota.{name}", severity, _told(name, held))


def _thresholds(told: str, margin: float) -> Thresholds:
    warning, error = map(float, told.split("/"))
    return Thresholds(warning, error, margin)


def _worth(thresholds: Thresholds, held: Quota, was: Standing | None) -> str | None:
    if held.limit == UNLIMITED or held.limit <= TRIVIAL:
        return None
    return thresholds.severity(held.in_use, held.limit, was.severity if was else None)


def _contradictions(db: Database, poll: Poll, _before: Before) -> Iterator[Finding]:
    """Find tenants that use more than a limit that no share is told of."""
    for row, _, figures in quota.of_cloud(db, poll.cloud):
        for name, held in figures.items():
            if 0 <= held.limit <= TRIVIAL and held.in_use > held.limit:
                yield Finding("tenant", row, f"figures.{name}", WARNING, _told(name, held))


def _told(name: str, held: Quota) -> str:
    share = f" ({100 * held.in_use // held.limit} %)" if held.limit else ""
    return f"{name}: {held.in_use} of {held.limit} {UNITS[name]} are in use{share}"


def _capacity(db: Database, poll: Poll, before: Before) -> Iterator[Finding]:
    """Find what a cloud can give away little more of."""
    alerts = poll.alerts
    thresholds = Thresholds(alerts.capacity_warning, alerts.capacity_error, alerts.margin)
    for name, held in _classes(db, poll).items():
        was = before.get(("cloud", poll.cloud.id, f"capacity.{name}"))
        if severity := _worth(thresholds, held, was):
            told = f"{name}: {held.in_use} of {held.limit} are allocated"
            yield Finding("cloud", poll.cloud.id, f"capacity.{name}", severity, told)


def _overdrawn(db: Database, poll: Poll, _before: Before) -> Iterator[Finding]:
    """Find what a cloud has given away more of than it could."""
    for name, held in _classes(db, poll).items():
        if held.in_use > held.limit:
            told = f"{name}: {held.in_use} are allocated, and no more than {held.limit} can be"
            yield Finding("cloud", poll.cloud.id, f"allocation.{name}", WARNING, told)


def _classes(db: Database, poll: Poll) -> dict[str, Quota]:
    """Return, by resource class, what a cloud can give away, and what is allocated of it."""
    return allocations(capacity.inventories(db).get(poll.cloud.uuid, {}))


Rule = Callable[[Database, Poll, Before], Iterator[Finding]]

OF_TENANTS: dict[str, Rule] = {"quota.": _quotas, "figures.": _contradictions}
OF_CLOUDS: dict[str, Rule] = {"capacity.": _capacity, "allocation.": _overdrawn}
RULES: dict[str, dict[str, Rule]] = {
    "quotas": OF_TENANTS,
    "discovery": OF_TENANTS,
    "capacity": OF_CLOUDS,
    "providers": OF_CLOUDS,
}
"""By kind of poll, the families of rules that it has figures for."""
