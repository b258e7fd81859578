"""Quota: the eight figures, with and without what is unlimited."""

from hypothesis import given
from hypothesis import strategies as st

from openstats.meters import QUOTA_NAMES, QUOTAS, UNLIMITED
from openstats.model import QuotaSum
from openstats.statistics.quota import summary

KEYS = {
    "vcpu",
    "ram",
    "storage",
    "max_instances",
    "vcpu_usage",
    "ram_usage",
    "storage_usage",
    "max_instances_usage",
}
amounts = st.integers(0, 2**60)
sums = st.dictionaries(
    st.sampled_from(QUOTA_NAMES), st.builds(QuotaSum, amounts, st.integers(0, 3), amounts)
)


def test_no_tenants_sum_to_zeros() -> None:
    assert summary({}) == dict.fromkeys(KEYS, 0)


def test_the_specifications_example() -> None:
    figures = {
        "vcpu": QuotaSum(2, 0, 1),
        "ram": QuotaSum(4096, 0, 4096),
        "storage": QuotaSum(16384, 0, 16000),
        "max_instances": QuotaSum(4, 0, 3),
    }
    assert summary(figures) == {
        "vcpu": 2,
        "ram": 4096,
        "storage": 16384,
        "max_instances": 4,
        "vcpu_usage": 1,
        "ram_usage": 4096,
        "storage_usage": 16000,
        "max_instances_usage": 3,
    }


@given(sums, st.booleans())
def test_keys_and_use_are_the_same_whatever_is_unlimited(
    found: dict[str, QuotaSum], skip: bool
) -> None:
    figures = summary(found, skip_unlimited=skip)
    assert set(figures) == KEYS
    for name, total in found.items():
        assert figures[f"{name}_usage"] == total.in_use


@given(sums)
def test_one_unlimited_member_makes_the_sum_unlimited(found: dict[str, QuotaSum]) -> None:
    figures = summary(found)
    for name, total in found.items():
        assert figures[name] == (UNLIMITED if total.unlimited else total.limited)


@given(sums)
def test_unlimited_members_can_be_left_out(found: dict[str, QuotaSum]) -> None:
    figures = summary(found, skip_unlimited=True)
    assert {name: figures[name] for name in found} == {n: t.limited for n, t in found.items()}


def test_units_are_the_contracts() -> None:
    known = {
        meter.name: (meter.unit, meter.service, meter.resource, meter.factor) for meter in QUOTAS
    }
    assert known == {
        "vcpu": ("vCPU", "compute", "cores", 1),
        "ram": ("MiB", "compute", "ram", 1),
        "storage": ("MiB", "volume", "gigabytes", 1024),
        "max_instances": ("instances", "compute", "instances", 1),
    }
