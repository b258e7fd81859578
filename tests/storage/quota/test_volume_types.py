"""Quotas by volume type: kept beside the plain ones, shown by tenant, and part of no sum."""

from collections.abc import Mapping

import pytest

from openstats.model import EVERYTHING, Quota, Selection, VolumeTypeQuota
from openstats.storage.entries.pagination import read_all
from openstats.storage.entries.tenants import TENANTS
from openstats.storage.quota import by_tenant, sums
from openstats.storage.store import Database
from tests.hostile import NAMES
from tests.registry import NOW, Site, site

SOME = VolumeTypeQuota(Quota(5, 1), Quota(-1, 0), Quota(2**52, 2**51))
PART = VolumeTypeQuota(storage=Quota(1024, 0))


def shown(of: Site) -> dict[str, Mapping[str, VolumeTypeQuota]]:
    """Return what each listed tenant has, by its name."""
    return {row.name: row.volume_types for row in read_all(of.db, TENANTS, EVERYTHING)}


@pytest.fixture
def alpha(db: Database) -> Site:
    return site(db).project("p1").project("p2").discover()


def test_there_are_none_until_they_are_known(alpha: Site) -> None:
    assert shown(alpha) == {"p1": {}, "p2": {}}
    alpha.volume_types("p1", fast=SOME, slow=PART)
    assert shown(alpha) == {"p1": {"fast": SOME, "slow": PART}, "p2": {}}


def test_those_that_were_not_told_again_have_gone(alpha: Site) -> None:
    alpha.volume_types("p1", fast=SOME).volume_types("p1", slow=SOME)
    assert shown(alpha)["p1"] == {"slow": SOME}
    assert shown(alpha.volume_types("p1"))["p1"] == {}


def test_they_stay_while_cinder_does_not_tell(alpha: Site) -> None:
    alpha.volume_types("p1", fast=SOME)
    alpha.partial_quota("p1", vcpu=(4, 1), ram=(1, 1), max_instances=(1, 1))
    assert shown(alpha)["p1"] == {"fast": SOME}


def test_they_are_part_of_no_sum(alpha: Site) -> None:
    alpha.quota("p1", storage=(10, 1)).quota("p2", storage=(20, 2))
    before = sums.total(alpha.db, EVERYTHING, Selection()), sums.by_cloud(alpha.db)
    alpha.volume_types("p1", fast=SOME, storage=SOME, volumes_storage=SOME)
    assert (sums.total(alpha.db, EVERYTHING, Selection()), sums.by_cloud(alpha.db)) == before
    assert by_tenant.due(alpha.db, alpha.cloud, NOW) == []


def test_types_may_have_any_name(alpha: Site) -> None:
    names = [*NAMES, "", "a_b_", "__DEFAULT__", "volumes_x", " ", "limit"]
    alpha.volume_types("p1", **dict.fromkeys(names, SOME))
    assert shown(alpha)["p1"] == dict.fromkeys(names, SOME)
