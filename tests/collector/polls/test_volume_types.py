"""Quotas by volume type: what Cinder tells beside the plain ones, whatever the types are called."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from openstats.clouds import sanitize
from openstats.model import EVERYTHING, Quota, VolumeTypeQuota
from openstats.storage.entries.pagination import read_all
from openstats.storage.entries.tenants import TENANTS
from tests.collector import expected
from tests.collector.lab import Lab
from tests.collector.odd import document_part
from tests.double import Double
from tests.hostile import CHOSEN

CINDER = r"/volume/\S*os-quota-sets"
NONE = Quota(-1, 0)
EMPTY = VolumeTypeQuota(NONE, NONE, NONE)


def known(lab: Lab) -> dict[str, Mapping[str, VolumeTypeQuota]]:
    """Return the quotas by type of each tenant that is linked to a project, by its id."""
    with lab.store.read() as db:
        tenants = read_all(db, TENANTS, EVERYTHING)
    return {tenant.tenant_id: tenant.volume_types for tenant in tenants if tenant.project}


def figure(limit: Any, in_use: Any = 0) -> dict[str, Any]:
    return {"limit": limit, "in_use": in_use, "reserved": 0}


def test_they_come_with_the_plain_ones(lab: Lab, alpha: Double) -> None:
    tenant, *others = expected.quotas(alpha)
    alpha.state.volume_types += ["fast_", "a_b"]
    alpha.create_volume(tenant, 3, kind="fast_")
    alpha.set_quota(tenant, gigabytes_fast_=10, snapshots_a_b=0)
    assert lab.cycle() == []
    assert lab.asked(CINDER) == len(known(lab)) == 4
    mine = known(lab)[tenant]
    assert set(mine) == {"fake", "fast_", "a_b", "__DEFAULT__"}
    assert mine["fast_"] == VolumeTypeQuota(Quota(-1, 1), NONE, Quota(10 * 1024, 3 * 1024))
    assert mine["a_b"] == replace(EMPTY, snapshots=Quota(0, 0))
    assert all(known(lab)[other]["fast_"] == EMPTY for other in others)
    # The plain ones hold them already.
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)


def test_types_may_have_any_name(lab: Lab, alpha: Double) -> None:
    names = ["", "_", "volumes_x", "gigabytes", "snapshots_gigabytes_y", *CHOSEN.values()]
    alpha.state.volume_types += names
    assert lab.cycle() == []
    wanted = {sanitize.clean(name) for name in names} | {"fake", "__DEFAULT__"}
    for kept in known(lab).values():
        assert set(kept) == wanted
        assert all(kept[name] == EMPTY for name in wanted - {"fake"})
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)


def test_of_too_many_the_first_are_kept(lab: Lab, alpha: Double) -> None:
    alpha.state.volume_types += [f"type{number:04}" for number in range(1000)]
    assert lab.cycle() == []
    for kept in known(lab).values():
        assert len(kept) == sanitize.MAX_NAMES
        assert {"fake", "__DEFAULT__", "type0000"} < set(kept)
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)


def test_a_part_that_is_not_told_is_not_known(lab: Lab, alpha: Double) -> None:
    lab.edge.rule(CINDER, document_part("quota_set", snapshots_odd=figure(3, 2)))
    assert lab.cycle() == []
    odd = VolumeTypeQuota(snapshots=Quota(3, 2))
    assert [kept["odd"] for kept in known(lab).values()] == [odd] * 4


BAD: dict[str, dict[str, Any]] = {
    "no figures": {"volumes_odd": 3},
    "no limit": {"volumes_odd": {"in_use": 0}},
    "no number": {"volumes_odd": figure("many")},
    "more than a number holds": {"gigabytes_odd": figure(2**60)},
    "nothing in use": {"gigabytes_odd": {"limit": 1, "in_use": None}},
    "less than nothing in use": {"snapshots_odd": figure(3, -2)},
    "more in use than a number holds": {"volumes_odd": figure(-1, 2**63)},
    "without end": {"volumes_odd": figure(float("inf"))},
    "a name longer than any": {f"volumes_{'x' * 256}": figure(-1)},
}


@pytest.mark.parametrize("given", BAD)
def test_one_odd_type_takes_nothing_else_along(lab: Lab, alpha: Double, given: str) -> None:
    alpha.state.volume_types.append("good")
    with lab.edge.during(CINDER, document_part("quota_set", **BAD[given])):
        for _ in range(2):
            (said,) = lab.cycle()
            assert "1 volume type cannot be read and is left out: volume type " in said
    assert lab.outcome("quotas").polled_at == lab.clock.now
    assert all(kept.keys() == {"fake", "good", "__DEFAULT__"} for kept in known(lab).values())
    assert expected.known_quotas(lab.store) == expected.quotas(alpha)
    assert lab.cycle("quotas", full=True) == []


def test_without_block_storage_there_are_none(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    assert all(known(lab).values())
    lab.configure(block_storage=False)
    lab.cycle("quotas", full=True)
    assert list(known(lab).values()) == [{}] * 4


def test_a_project_that_keystone_no_longer_has_has_none(lab: Lab, alpha: Double) -> None:
    lab.cycle()
    tenant = next(iter(expected.quotas(alpha)))
    alpha.delete_project(tenant)
    lab.cycle("quotas", full=True)
    assert known(lab).pop(tenant) == {}
    assert sum(map(bool, known(lab).values())) == 3
