"""Quota: limits and use, summed over tenants."""

from collections.abc import Mapping

from openstats.meters import QUOTA_NAMES, UNLIMITED
from openstats.model import QuotaSum

NO_QUOTAS = QuotaSum(limited=0, unlimited=0, in_use=0)
USAGE_KEYS = tuple((name, f"{name}_usage") for name in QUOTA_NAMES)


def limit(total: QuotaSum, *, skip_unlimited: bool) -> int:
    """Return a summed limit: ``UNLIMITED`` if any member is unlimited and not skipped."""
    if total.unlimited and not skip_unlimited:
        return UNLIMITED
    return total.limited


def summary(sums: Mapping[str, QuotaSum], *, skip_unlimited: bool = False) -> dict[str, int]:
    """Return the eight figures by their names in the HTTP API; those missing from ``sums`` are 0.

    Units are those of ``meters.QUOTAS``: storage and ram in MiB.
    """
    figures = {
        name: limit(sums.get(name, NO_QUOTAS), skip_unlimited=skip_unlimited)
        for name in QUOTA_NAMES
    }
    for name, usage in USAGE_KEYS:
        figures[usage] = sums.get(name, NO_QUOTAS).in_use
    return figures
