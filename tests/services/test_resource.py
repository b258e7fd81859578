"""The resource report: which clouds it sums, and what it says where there are none."""

import pytest

from openstats.errors import NotPolledError, ParameterError
from openstats.model import Coverage
from openstats.services import resource
from openstats.storage.store import Store
from tests.registry import KEYSTONE, NOW, site


def report(store: Store, region: str | None = None) -> tuple[dict[str, int], Coverage]:
    return resource.report(store, KEYSTONE, region, now=NOW, skip_unlimited=False)


def test_regions_are_summed_and_one_that_was_never_read_is_not_known(store: Store) -> None:
    with store.transaction() as db:
        site(db).project("p1").discover().quota("p1", vcpu=(8, 2)).capacity().polled("quotas")
        site(db, "beta", region="two").capacity(at=NOW - 60).polled("quotas", "discovery")
        site(db, "gamma", region="three")
    figures, coverage = report(store)
    assert (figures["vcpus"], figures["vcpu_quota"]) == (128, 8)
    assert coverage == Coverage(1, 1, 3, 2, NOW - 60)
    assert report(store, "RegionOne")[1] == Coverage(1, 1, 1, 1, NOW)


def test_clouds_that_were_never_read_are_made_due(store: Store) -> None:
    with store.transaction() as db:
        site(db).polled()
    with pytest.raises(NotPolledError):
        report(store)
    with store.read() as db:
        next_at = {row[0] for row in db.exec_driver_sql("SELECT next_at FROM job")}
    assert next_at == {NOW}


@pytest.mark.parametrize(
    ("region", "sentence"),
    [
        ("none", "region=none: no such region of .*; must be RegionOne"),
        (None, "auth_url="),
    ],
)
def test_a_cloud_that_is_not_registered_is_refused(
    store: Store, region: str | None, sentence: str
) -> None:
    if region:
        with store.transaction() as db:
            site(db)
    with pytest.raises(ParameterError, match=sentence):
        report(store, region)
