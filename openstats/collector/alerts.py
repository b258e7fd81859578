"""openstats' own alerts: when their rules are applied, and by which options."""

from openstats.clouds.meters import GRID
from openstats.collector.polls.poll import PollContext
from openstats.conf.alerts import AlertOptions
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
"""The rules that each kind of poll supplies with figures."""


def apply_rules_after(context: PollContext, lease: Lease, since: float) -> None:
    """Apply the rules of a kind of poll to the stored figures, and do the housekeeping.

    ``since`` is the Unix time from which this collector has been at work: a cloud is not silent
    for time in which the collector could not poll it.
    """
    # Not the time at which the poll began: other polls have written since.
    now = int(context.clock())
    rules = RULES.get(lease.kind, {})
    with context.store.transaction() as db:
        apply_rules(db, lease.cloud, rules, _thresholds(context.alerts), now)
    do_housekeeping(context, now=now, since=since)


def _thresholds(options: AlertOptions) -> RuleThresholds:
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


def do_housekeeping(context: PollContext, *, now: int, since: float) -> None:
    """Report silent clouds, close stale alerts, and delete old closed ones.

    ``now`` and ``since`` are Unix seconds.
    """
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
