"""Quotas of one tenant as values: services that are not believed, and failures in a row."""

import pytest

from openstats.collector.polls.tenant_quotas import FailureStreak, TenantQuotas
from openstats.errors import CloudError, OddFigureError
from openstats.meters import COMPUTE, QUOTAS, VOLUME
from openstats.model import Quota

NAMES = {
    service: {meter.name for meter in QUOTAS if meter.service == service}
    for service in (COMPUTE, VOLUME)
}
READ = TenantQuotas(1, "a", {meter.name: Quota(7, 3) for meter in QUOTAS}, volume_types={})


@pytest.mark.parametrize(("service", "other"), [(COMPUTE, VOLUME), (VOLUME, COMPUTE)])
def test_a_service_that_is_not_believed_is_missing_with_its_error(service: str, other: str) -> None:
    error = OddFigureError("wrong")
    believed = READ.without(service, error)
    assert set(believed.quotas) == NAMES[other]
    assert believed.error is error
    assert believed.volume_types == (None if service == VOLUME else {})


def test_the_first_error_of_a_tenant_stays() -> None:
    first, second = OddFigureError("first"), OddFigureError("second")
    assert READ.without(COMPUTE, first).without(VOLUME, second).error is first


def test_a_service_of_another_region_counts_nothing_and_is_assumed() -> None:
    figures = TenantQuotas(1, "a").with_nothing(COMPUTE).with_nothing(VOLUME)
    assert figures.quotas == {meter.name: Quota(0, 0) for meter in QUOTAS}
    assert figures.assumed == (COMPUTE, VOLUME)


@pytest.mark.parametrize(
    ("outcomes", "over"),
    [("", False), ("ff", False), ("fff", True), ("ffsff", False), ("ffsfff", True), ("ffff", True)],
)
def test_failures_in_a_row_are_counted_until_a_success(outcomes: str, over: bool) -> None:
    streak = FailureStreak(limit=3)
    for outcome in outcomes:
        streak.note(CloudError("down") if outcome == "f" else None)
    assert streak.is_over_limit is over


def test_a_cloud_that_asks_to_be_left_alone_is_over_the_limit_at_once() -> None:
    error = CloudError("too many requests")
    error.retry_after = 60
    streak = FailureStreak(limit=3)
    streak.note(error)
    assert streak.is_over_limit
    assert streak.last_error is error
