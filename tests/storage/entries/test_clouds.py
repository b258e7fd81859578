"""Clouds as they are shown: whether their disk is shared, and what providers have, by zone."""

import pytest

from openstats.model import EVERYTHING, Cloud, Inventory, Provider
from openstats.storage.entries.clouds import CLOUDS
from openstats.storage.entries.pagination import read_all, read_one
from openstats.storage.inventory import resource_providers
from openstats.storage.registry import clouds as cloud_rows
from openstats.storage.store import Database
from tests.registry import KEYSTONE, NOW, site

DISK = Inventory("DISK_GB", 100, 0, 1.0, 9)
VCPU = Inventory("VCPU", 8, 1, 1.5, 3)


def provider(
    number: int,
    *inventories: Inventory,
    disabled: bool = False,
    sharing: bool = False,
    zone: str | None = None,
) -> Provider:
    uuid = f"00000000-0000-0000-0000-{number:012}"
    return Provider(uuid, f"node{number}", uuid, 1, disabled, inventories, NOW, sharing, zone)


def test_inventories_of_providers_that_take_servers_by_cloud_and_zone(db: Database) -> None:
    alpha, beta = site(db), site(db, "beta", region="two")
    found = [
        provider(1, VCPU, DISK, zone="north"),
        provider(2, VCPU),
        provider(3, VCPU, disabled=True),
    ]
    resource_providers.record(db, alpha.cloud, found, NOW)
    resource_providers.record(db, beta.cloud, found[1:2], NOW)
    held = resource_providers.inventories(db)
    in_north = held[alpha.cloud.uuid].pop("north")
    assert sorted(in_north, key=lambda one: one.resource_class) == [DISK, VCPU]
    assert held == {alpha.cloud.uuid: {None: [VCPU]}, beta.cloud.uuid: {None: [VCPU]}}


def shared(db: Database, cloud: Cloud) -> bool | None:
    """Return whether the disk is shared; the filter finds the cloud by that."""
    row = read_one(db, CLOUDS, EVERYTHING, cloud.uuid)
    assert row
    assert row.details
    is_shared = row.details.disk_shared
    assert row in read_all(db, CLOUDS, EVERYTHING, {"disk_shared": is_shared})
    return is_shared


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([], None),
        ([provider(1, VCPU, DISK)], False),
        ([provider(1, VCPU), provider(2, DISK, sharing=True)], True),
        # What is shared is no disk.
        ([provider(1, DISK), provider(2, VCPU, sharing=True)], False),
    ],
)
def test_whether_disk_is_shared(db: Database, found: list[Provider], expected: bool | None) -> None:
    alpha, beta = site(db), site(db, "beta", region="two")
    resource_providers.record(db, alpha.cloud, found, NOW)
    assert shared(db, alpha.cloud) is expected
    assert shared(db, beta.cloud) is None


def test_disk_shared_follows_clouds_yaml(db: Database) -> None:
    told = Cloud("alpha", KEYSTONE, "RegionOne", KEYSTONE, disk_shared=True)
    kept = cloud_rows.write_cloud(db, told, [])
    assert kept.disk_shared
    assert shared(db, kept) is True
    resource_providers.record(db, kept, [provider(1, DISK)], NOW)
    assert shared(db, kept) is True
    assert shared(db, site(db).cloud) is False
