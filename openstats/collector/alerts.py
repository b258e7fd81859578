"""Alerts of our own: when rules are applied, and with which options."""

from typing import Any

from openstats.clouds.meters import GRID
from openstats.collector.polls.poll import PollContext
from openstats.model import Lease
from openstats.services.rules import CLOUD_RULES, TENANT_RULES, RuleThresholds, apply_rules
from openstats.services.silence import report_silence
from openstats.statistics.alert import Thresholds
from openstats.storage.alerts.closing import close_stale, delete_closed
from openstats.unix_time import DAY

RULES = {
    "quotas": TENANT_RULES,
    "discovery": TENANT_RULES,
    "capacity": CLOUD_RULES,
    "providers": CLOUD_RULES,
}
"""By kind of poll, the rules that it brings figures for."""


def after(context: PollContext, lease: Lease, since: float) -> None:
    """Apply the rules of a kind of poll to what is in the store now, and do the housekeeping.

    ``since`` is when this collector began to be at work: what it could not have polled is nobody's
    fault.
    """
    # Not as of when the poll began: others have written since.
    now = int(context.clock())
    rules = RULES.get(lease.kind, {})
    with context.store.transaction() as db:
        apply_rules(db, lease.cloud, rules, _thresholds(context.alerts), now)
    keep_house(context, now=now, since=since)


def _thresholds(options: Any) -> RuleThresholds:
    margin = options.margin
    quota_of_customers = {}
    for uuid, percentages in options.quota_of_customers.items():
        warning, error = map(float, percentages.split("/"))
        quota_of_customers[uuid] = Thresholds(warning, error, margin)
    return RuleThresholds(
        quota=Thresholds(options.quota_warning, options.quota_error, margin),
        capacity=Thresholds(options.capacity_warning, options.capacity_error, margin),
        quota_of_customers=quota_of_customers,
    )


def keep_house(context: PollContext, *, now: int, since: float) -> None:
    """Report silent clouds, close alerts that went stale, and delete old ones."""
    alerts, options = context.alerts, context.options
    with context.store.transaction() as db:
        close_stale(db, now - alerts.stale_after)
        if alerts.keep_days:
            delete_closed(db, now - alerts.keep_days * DAY)
        report_silence(
            db,
            lambda kind: float(getattr(options, f"{kind}_interval", GRID)),
            silent_intervals=alerts.silent_intervals,
            now=now,
            since=since,
        )
