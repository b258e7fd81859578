"""Alerts of our own: rules that are held against what polls have brought, after each of them."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from openstats.alerts import Finding
from openstats.clouds.meters import GRID
from openstats.collector.polls.poll import PollContext
from openstats.meters import QUOTAS, UNLIMITED
from openstats.model import Cloud, Lease, Quota
from openstats.statistics.alert import ERROR, WARNING, Thresholds
from openstats.statistics.resource import allocations
from openstats.statistics.silence import Kind, judge
from openstats.storage import jobs, quota
from openstats.storage.alerts import own, received
from openstats.storage.alerts.own import Cause, Standing
from openstats.storage.inventory import resource_providers
from openstats.storage.registry import clouds
from openstats.storage.store import Database
from openstats.unix_time import DAY

SILENCE = "poll."
IDLE = ("quotas", "usage")
"""Kinds of poll that succeed without a call where nothing has changed."""

UNITS = {meter.name: meter.unit for meter in QUOTAS}
TRIVIAL = 1
"""A limit up to which use is all or nothing: no share of it says anything."""

Before = dict[Cause, Standing]


def after(context: PollContext, lease: Lease, since: float) -> None:
    """Hold the rules of a kind of poll against what is in the store now.

    ``since`` is when this collector began to be at work: what it could not have polled is nobody's
    fault.
    """
    # Not as of when the poll began: others have written since.
    now = int(context.clock())
    with context.store.transaction() as db:
        for family, rule in RULES.get(lease.kind, {}).items():
            before = own.standing(db, lease.cloud.id, family)
            own.settle(db, before, rule(db, lease.cloud, context.alerts, before), now)
    keep_house(context, now=now, since=since)


def keep_house(context: PollContext, *, now: int, since: float) -> None:
    """Tell which clouds are silent, close what went stale, and let go of what grew old."""
    alerts, options = context.alerts, context.options
    with context.store.transaction() as db:
        received.go_stale(db, now - alerts.stale_after)
        if alerts.keep_days:
            own.forget(db, now - alerts.keep_days * DAY)
        outcomes = jobs.outcomes(db)
        for cloud in clouds.clouds(db):
            kinds = [_kind(row, options) for row in outcomes if row.cloud == cloud.name]
            if kinds:
                _settle_silence(db, cloud, kinds, alerts.silent_intervals, now=now, since=since)


def _kind(row: jobs.JobOutcome, options: Any) -> Kind:
    interval = getattr(options, f"{row.kind}_interval", GRID)
    times = row.polled_at or 0, row.error_at or 0
    seconds, idle = row.seconds or 0.0, row.kind in IDLE
    return Kind(row.kind, interval, *times, row.error, seconds, idle)


def _settle_silence(
    db: Database, cloud: Cloud, kinds: list[Kind], intervals: int, *, now: int, since: float
) -> None:
    """Raise an alert for each cause for which a cloud is silent, and close those that are over."""
    before = own.standing(db, cloud.id, SILENCE)
    known = {cause: cause[-1].removeprefix(SILENCE) for cause in before}
    verdict = judge(kinds, known.values(), now=now, since=since, intervals=intervals)
    findings = (
        _silent(cloud, name, cause, intervals, now) for name, cause in verdict.causes.items()
    )
    told = {*verdict.causes, *verdict.over}
    judged = {cause: was for cause, was in before.items() if known[cause] in told}
    own.settle(db, judged, findings, now)


def _silent(cloud: Cloud, name: str, cause: Sequence[Kind], intervals: int, now: int) -> Finding:
    last = min(kind.polled_at for kind in cause)
    names = ", ".join(kind.name for kind in cause)
    ago = f"for {(now - last) // 60} minutes" if last else "so far"
    reason = next((kind.error for kind in cause if kind.error), "nobody asked")
    message = (
        f"{cloud.name}: {names} {'were' if len(cause) > 1 else 'was'} not read {ago}: {reason}"
    )
    # What comes and goes is one alert, where a cloud answers now and then.
    again = int(2 * intervals * max(kind.pace() for kind in cause))
    return Finding("cloud", cloud.id, f"{SILENCE}{name}", ERROR, message, reopen_within=again)


def _quotas(db: Database, cloud: Cloud, options: Any, before: Before) -> Iterator[Finding]:
    """Find tenants that have nearly used up what they may have."""
    usual = Thresholds(options.quota_warning, options.quota_error, options.margin)
    special = {
        uuid: _thresholds(told, options.margin) for uuid, told in options.quota_of_customers.items()
    }
    for row, customer, figures in quota.of_cloud(db, cloud):
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


def _contradictions(
    db: Database, cloud: Cloud, _options: Any, _before: Before
) -> Iterator[Finding]:
    """Find tenants that use more than a limit that no share is told of."""
    for row, _, figures in quota.of_cloud(db, cloud):
        for name, held in figures.items():
            if 0 <= held.limit <= TRIVIAL and held.in_use > held.limit:
                yield Finding("tenant", row, f"figures.{name}", WARNING, _told(name, held))


def _told(name: str, held: Quota) -> str:
    share = f" ({100 * held.in_use // held.limit} %)" if held.limit else ""
    return f"{name}: {held.in_use} of {held.limit} {UNITS[name]} are in use{share}"


def _capacity(db: Database, cloud: Cloud, options: Any, before: Before) -> Iterator[Finding]:
    """Find what a cloud can give away little more of."""
    thresholds = Thresholds(options.capacity_warning, options.capacity_error, options.margin)
    for name, held in _classes(db, cloud).items():
        was = before.get(("cloud", cloud.id, f"capacity.{name}"))
        if severity := _worth(thresholds, held, was):
            told = f"{name}: {held.in_use} of {held.limit} are allocated"
            yield Finding("cloud", cloud.id, f"capacity.{name}", severity, told)


def _overdrawn(db: Database, cloud: Cloud, _options: Any, _before: Before) -> Iterator[Finding]:
    """Find what a cloud has given away more of than it could."""
    for name, held in _classes(db, cloud).items():
        if held.in_use > held.limit:
            told = f"{name}: {held.in_use} are allocated, and no more than {held.limit} can be"
            yield Finding("cloud", cloud.id, f"allocation.{name}", WARNING, told)


def _classes(db: Database, cloud: Cloud) -> dict[str, Quota]:
    """Return, by resource class, what a cloud can give away, and what is allocated of it."""
    return allocations(resource_providers.inventories(db).get(cloud.uuid, {}))


Rule = Callable[[Database, Cloud, Any, Before], Iterator[Finding]]

OF_TENANTS: dict[str, Rule] = {"quota.": _quotas, "figures.": _contradictions}
OF_CLOUDS: dict[str, Rule] = {"capacity.": _capacity, "allocation.": _overdrawn}
RULES: dict[str, dict[str, Rule]] = {
    "quotas": OF_TENANTS,
    "discovery": OF_TENANTS,
    "capacity": OF_CLOUDS,
    "providers": OF_CLOUDS,
}
"""By kind of poll, the families of rules that it has figures for."""
