"""Clouds as they are shown: what Placement's providers have, and can give away."""

from sqlalchemy import Connection

from openstats.model import EVERYTHING, Inventory, Provider
from openstats.storage import capacity, clouds, listing
from tests.registry import NOW, site


def provider(number: int, *inventories: Inventory, disabled: bool = False) -> Provider:
    uuid = f"00000000-0000-0000-0000-{number:012}"
    return Provider(uuid, f"node{number}", uuid, 1, disabled, inventories, NOW)


def test_resource_classes_are_summed_over_providers_that_take_servers(db: Connection) -> None:
    alpha, beta = site(db), site(db, "beta", region="two")
    found = [
        # What each can give away is a whole number: 7 * 1.5 is 10, twice.
        provider(1, Inventory("VCPU", 8, 1, 1.5, 3), Inventory("DISK_GB", 100, 0, 1.0, 9)),
        provider(2, Inventory("VCPU", 8, 1, 1.5, 4)),
        provider(3, Inventory("VCPU", 64, 0, 16.0, 9), disabled=True),
    ]
    capacity.record_providers(db, alpha.cloud, found, NOW)
    one, two = (
        listing.one(db, clouds.CLOUDS, EVERYTHING, here.cloud.uuid) or {} for here in (alpha, beta)
    )
    assert one["resource_classes"] == {
        "DISK_GB": {"total": 100, "reserved": 0, "used": 9, "effective": 100},
        "VCPU": {"total": 16, "reserved": 2, "used": 7, "effective": 20},
    }
    assert two["resource_classes"] == {}
