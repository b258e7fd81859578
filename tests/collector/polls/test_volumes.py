"""Volumes and snapshots: three calls tell whether anything changed, a sweep tells for whom."""

from collections.abc import Callable

import pytest

from tests.collector import expected
from tests.collector.lab import SIZE, SOON, Lab
from tests.double import Double

DAY = 86400
QUOTA = "os-quota-sets"
SWEEP = r"volumes/detail\S*limit=1000"


def first(double: Double) -> str:
    """Give a volume without snapshots."""
    kept = {snapshot.volume_id for snapshot in double.state.snapshots.values()}
    return next(key for key in double.state.volumes if key not in kept)


def create(double: Double) -> str:
    tenant = next(iter(double.state.volumes.values())).tenant_id
    double.create_volume(tenant, 3)
    return tenant


def extend(double: Double) -> str:
    volume = double.state.volumes[first(double)]
    double.extend_volume(volume.id, volume.size + 1)
    return volume.tenant_id


def delete(double: Double) -> str:
    volume = double.state.volumes[first(double)]
    double.delete_volume(volume.id)
    return volume.tenant_id


def snapshot(double: Double) -> str:
    return double.create_snapshot(first(double)).tenant_id


def delete_snapshot(double: Double) -> str:
    gone = next(iter(double.state.snapshots.values()))
    double.delete_snapshot(gone.id)
    return gone.tenant_id


def replace_snapshot(double: Double) -> str:
    """Leave as many snapshots as before."""
    gone = next(iter(double.state.snapshots.values()))
    double.delete_snapshot(gone.id)
    double.create_snapshot(gone.volume_id)
    return gone.tenant_id


def replace_volume(double: Double) -> str:
    """Leave as many volumes of as many GiB, of another tenant."""
    gone = double.state.volumes[first(double)]
    double.delete_volume(gone.id)
    other = next(key for key in double.state.projects if key != gone.tenant_id)
    double.create_volume(other, gone.size)
    return gone.tenant_id


@pytest.mark.parametrize("change", [create, extend, delete, snapshot, delete_snapshot])
def test_a_change_costs_a_sweep_and_two_quota_calls(
    lab: Lab, settled: Double, change: Callable[[Double], str]
) -> None:
    tenant = change(settled)
    assert lab.cycle(after=SOON) == []
    assert lab.asked(SWEEP) == 1
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{tenant}") == 2
    assert expected.known_quotas(lab.store) == expected.quotas(settled)


@pytest.mark.parametrize("change", [replace_snapshot, replace_volume])
def test_a_change_that_leaves_counts_and_sizes_is_seen(
    lab: Lab, settled: Double, change: Callable[[Double], str]
) -> None:
    change(settled)
    assert lab.cycle(after=SOON) == []
    assert lab.asked(SWEEP) == 1
    assert expected.known_quotas(lab.store) == expected.quotas(settled)


def test_poll_without_changes_writes_nothing(lab: Lab, settled: Double) -> None:
    assert lab.cycle("volumes", after=SOON) == []
    assert lab.asked() == 3
    assert lab.asked(SWEEP) == 0


def test_everything_is_swept_when_the_last_sweep_is_old(lab: Lab, settled: Double) -> None:
    # Attached: nothing of it counts, and yet it is a change of the volume.
    next(iter(settled.state.volumes.values())).updated_at = lab.clock.now
    assert lab.cycle("volumes", after=SOON) == []
    assert lab.asked(SWEEP) == 1
    assert lab.cycle("volumes", after=DAY - 1) == []
    assert lab.asked(SWEEP) == 0
    assert lab.cycle("volumes", after=1) == []
    assert lab.asked(SWEEP) == 1


def test_old_cinder_is_swept_every_time(lab: Lab) -> None:
    double = lab.double(volume_max=(3, 59))
    assert lab.cycle() == []
    assert expected.known_quotas(lab.store) == expected.quotas(double)
    tenant = delete(double)
    assert lab.cycle(after=SOON) == []
    assert lab.asked("volumes/summary") == 0
    assert lab.asked(SWEEP) == 1
    assert lab.asked(QUOTA) == lab.asked(rf"{QUOTA}/{tenant}") == 2
    assert lab.cycle(after=SOON) == []
    assert (lab.asked(SWEEP), lab.asked(QUOTA)) == (1, 0)


def test_sweeps_read_all_pages(lab: Lab) -> None:
    double = lab.double(max_limit=2)
    assert lab.cycle("volumes") == []
    assert lab.asked(r"volumes/detail\S*marker") == 3
    held = lab.sql("SELECT sum(volumes), sum(gigabytes), sum(snapshots) FROM volume_use")
    size = sum(volume.size for volume in double.state.volumes.values())
    assert held == [(len(double.state.volumes), size, len(double.state.snapshots))]


def test_a_tenant_without_any_volume_left(lab: Lab, settled: Double) -> None:
    tenant = settled.state.volumes[first(settled)].tenant_id
    for key in [k for k, s in settled.state.snapshots.items() if s.tenant_id == tenant]:
        settled.delete_snapshot(key)
    for key in [k for k, v in settled.state.volumes.items() if v.tenant_id == tenant]:
        settled.delete_volume(key)
    assert lab.cycle(after=SOON) == []
    assert lab.asked(QUOTA) == 2
    assert expected.known_quotas(lab.store)[tenant][-1] == 0


def test_a_cloud_that_has_no_cinder(lab: Lab) -> None:
    double = lab.double(size=SIZE, openstats={"block_storage": False}, volume_catalog=())
    assert lab.cycle() == []
    assert lab.asked("/volume/") == 0
    storage = {figures[3::4] for figures in expected.known_quotas(lab.store).values()}
    assert storage == {(0, 0)}
    servers = {key: figures[4:7] for key, figures in expected.known_quotas(lab.store).items()}
    assert servers == {key: held[4:7] for key, held in expected.quotas(double).items()}


def test_a_cloud_that_should_have_cinder(lab: Lab) -> None:
    lab.double(volume_catalog=())
    said = "alpha: which versions of block-storage there are: not in the catalog of its region"
    assert lab.cycle() == [said, said]
    assert lab.outcome("volumes").error == lab.outcome("quotas").error == said
