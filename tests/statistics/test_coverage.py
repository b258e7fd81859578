"""Coverage that follows from figures: of usage, and of the clouds of a URL."""

from collections.abc import Mapping

import numpy as np
import pytest

from openstats.model import Coverage
from openstats.readings import Members
from openstats.statistics import coverage

READ_AT = {7: 500, 9: None, 11: 400}


def members(*rows: tuple[int, int]) -> Members:
    """Return members from pairs of tenant and cloud; what else they have does not matter here."""
    tenants, clouds = np.array(rows, np.int64).reshape(-1, 2).T
    return Members([], tenants, clouds, tenants, tenants, tenants, tenants)


OWNED = members((1, 7), (1, 7), (2, 9), (3, 9))
"""A tenant that moved is one."""


def test_usage_counts_tenants_and_their_clouds() -> None:
    assert coverage.of_usage(OWNED, READ_AT, all_clouds=False) == Coverage(3, 1, 2, 1, 500)
    assert coverage.of_usage(OWNED, READ_AT, all_clouds=True) == Coverage(3, 1, 3, 2, 400)
    assert coverage.of_usage(members(), {}, all_clouds=True) == Coverage()


def test_usage_of_a_cloud_that_was_not_observed_is_not_known() -> None:
    expected = Coverage(3, 0, 3, 1, 400)
    more = {"unobserved": {7}, "more_clouds": [11]}
    assert coverage.of_usage(OWNED, READ_AT, all_clouds=False, **more) == expected


@pytest.mark.parametrize(
    ("read_at", "complete", "known", "oldest"),
    [
        ({1: 500, 2: 600}, {1, 2}, 2, 450),
        ({1: 400, 2: 600}, {2, 3}, 1, 400),
        ({3: 600}, set(), 0, 450),
        ({}, {1}, 0, 450),
    ],
)
def test_a_cloud_needs_its_capacity_and_its_quotas(
    read_at: Mapping[int, int], complete: set[int], known: int, oldest: int
) -> None:
    tenants = Coverage(5, 4, oldest=450)
    found = coverage.of_clouds(tenants, [1, 2, 3], read_at, complete)
    assert found == Coverage(5, 4, 3, known, oldest)
