"""openstats' own alert rules: they evaluate stored figures of tenants and clouds."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from openstats.alerts import Cause, RuleResult
from openstats.meters import QUOTAS, UNLIMITED
from openstats.model import Cloud, Quota
from openstats.severities import WARNING
from openstats.statistics.alert import Thresholds
from openstats.statistics.resource import allocations
from openstats.storage.alerts.rule_alerts import OpenAlert, open_alerts, settle
from openstats.storage.inventory import resource_providers
from openstats.storage.quota import by_tenant
from openstats.storage.store import Database

UNITS = {meter.name: meter.unit for meter in QUOTAS}

TRIVIAL_LIMIT = 1
"""The limit up to which shares are meaningless, since use is all or nothing."""


@dataclass(frozen=True, slots=True)
class RuleThresholds:
    """The thresholds of quotas and of capacity; ``quota_of_customers`` is by uuid."""

    quota: Thresholds
    capacity: Thresholds
    quota_of_customers: Mapping[str, Thresholds]


OpenAlerts = Mapping[Cause, OpenAlert]
Rule = Callable[[Database, Cloud, RuleThresholds, OpenAlerts], Iterator[RuleResult]]
"""A function that yields the violations of a cloud, given its open alerts of the rule."""


def apply_rules(
    db: Database, cloud: Cloud, rules: Mapping[str, Rule], thresholds: RuleThresholds, now: int
) -> None:
    """Open, update and close the alerts of ``rules``, by family, on a cloud and its tenants."""
    for family, rule in rules.items():
        alerts = open_alerts(db, cloud.id, family)
        settle(db, alerts, rule(db, cloud, thresholds, alerts), now)


def _full_quotas(
    db: Database, cloud: Cloud, thresholds: RuleThresholds, alerts: OpenAlerts
) -> Iterator[RuleResult]:
    """Yield tenants whose use of a quota exceeds a threshold."""
    for tenant_id, customer, quotas in by_tenant.of_cloud(db, cloud):
        limits = thresholds.quota_of_customers.get(customer or "", thresholds.quota)
        for name, figures in quotas.items():
            cause = Cause("tenant", tenant_id, f"quota.{name}")
            if severity := _severity(limits, figures, alerts.get(cause)):
                yield RuleResult(cause, severity, _quota_message(name, figures))


def _severity(thresholds: Thresholds, figures: Quota, open_alert: OpenAlert | None) -> str | None:
    if figures.limit == UNLIMITED or figures.limit <= TRIVIAL_LIMIT:
        return None
    open_severity = open_alert.severity if open_alert else None
    return thresholds.severity(figures.in_use, figures.limit, open_severity)


def _exceeded_quotas(
    db: Database, cloud: Cloud, _thresholds: RuleThresholds, _alerts: OpenAlerts
) -> Iterator[RuleResult]:
    """Yield tenants that exceed a limit of at most ``TRIVIAL_LIMIT``, to which no share applies."""
    for tenant_id, _, quotas in by_tenant.of_cloud(db, cloud):
        for name, figures in quotas.items():
            if 0 <= figures.limit <= TRIVIAL_LIMIT and figures.in_use > figures.limit:
                cause = Cause("tenant", tenant_id, f"figures.{name}")
                yield RuleResult(cause, WARNING, _quota_message(name, figures))


def _quota_message(name: str, figures: Quota) -> str:
    share = f" ({100 * figures.in_use // figures.limit} %)" if figures.limit else ""
    return f"{name}: {figures.in_use} of {figures.limit} {UNITS[name]} are in use{share}"


def _full_capacity(
    db: Database, cloud: Cloud, thresholds: RuleThresholds, alerts: OpenAlerts
) -> Iterator[RuleResult]:
    """Yield the resource classes whose allocated share exceeds a threshold."""
    for name, figures in _allocations(db, cloud).items():
        cause = Cause("cloud", cloud.id, f"capacity.{name}")
        if severity := _severity(thresholds.capacity, figures, alerts.get(cause)):
            message = f"{name}: {figures.in_use} of {figures.limit} are allocated"
            yield RuleResult(cause, severity, message)


def _exceeded_capacity(
    db: Database, cloud: Cloud, _thresholds: RuleThresholds, _alerts: OpenAlerts
) -> Iterator[RuleResult]:
    """Yield the resource classes of which a cloud has allocated more than its capacity."""
    for name, figures in _allocations(db, cloud).items():
        if figures.in_use > figures.limit:
            in_use, limit = figures.in_use, figures.limit
            message = f"{name}: {in_use} are allocated, and no more than {limit} can be"
            cause = Cause("cloud", cloud.id, f"allocation.{name}")
            yield RuleResult(cause, WARNING, message)


def _allocations(db: Database, cloud: Cloud) -> dict[str, Quota]:
    """Return, by resource class, how much a cloud can allocate, and how much it has."""
    return allocations(resource_providers.inventories(db).get(cloud.uuid, {}))


TENANT_RULES: dict[str, Rule] = {"quota.": _full_quotas, "figures.": _exceeded_quotas}
CLOUD_RULES: dict[str, Rule] = {"capacity.": _full_capacity, "allocation.": _exceeded_capacity}
"""The rules by family, which is the prefix of their alert types."""
