"""Capacity: of which cloud, how old, and the Placement providers behind it."""

from openstats.model import Capacity, Inventory, Provider
from openstats.storage.inventory import capacity, resource_providers
from openstats.storage.store import Database
from tests.registry import KEYSTONE, NOW, Site, site

FIGURES = Capacity(1, 2, 3, 4, 5, 6, source="placement")
OTHER = "https://other.example"
VCPU = Inventory("VCPU", total=8, reserved=1, allocation_ratio=1.5, used=2)
DISK = Inventory("DISK_GB", total=80, reserved=0, allocation_ratio=1.0, used=20)


def provider(uuid: str, *inventories: Inventory, read_at: int = NOW) -> Provider:
    return Provider(
        uuid=uuid,
        name=f"host-{uuid}",
        root=uuid,
        generation=1,
        disabled=False,
        read_at=read_at,
        inventories=inventories,
    )


def write(of: Site, *found: Provider, now: int = NOW) -> None:
    resource_providers.record(of.db, of.cloud, found, now)


def test_newer_figures_replace_older_ones(db: Database) -> None:
    alpha = site(db)
    assert capacity.of_url(db, KEYSTONE, None) == {alpha.cloud.id: None}
    alpha.capacity(at=NOW - 9).capacity(FIGURES, at=NOW - 5)
    assert capacity.of_url(db, KEYSTONE, None) == {alpha.cloud.id: (FIGURES, NOW - 5)}
    assert capacity.of_url(db, OTHER, None) == {}


def test_an_alias_of_a_cloud_finds_it(db: Database) -> None:
    alpha = site(db, aliases=[OTHER]).capacity()
    assert list(capacity.of_url(db, OTHER, None)) == [alpha.cloud.id]


def test_a_region_selects_its_cloud(db: Database) -> None:
    one = site(db, "a", region="one").capacity()
    two = site(db, "b", region="two")
    assert set(capacity.of_url(db, KEYSTONE, None)) == {one.cloud.id, two.cloud.id}
    assert list(capacity.of_url(db, KEYSTONE, "two")) == [two.cloud.id]
    assert capacity.of_url(db, KEYSTONE, "three") == {}


def test_providers_are_given_as_they_were_written(db: Database) -> None:
    alpha = site(db)
    write(alpha, provider("a", DISK, VCPU), provider("b"))
    found = resource_providers.by_uuid(db, alpha.cloud)
    assert found == {"a": provider("a", DISK, VCPU), "b": provider("b")}


def test_newer_inventories_replace_the_former(db: Database) -> None:
    alpha = site(db)
    write(alpha, provider("a", VCPU), provider("b", VCPU))
    write(alpha, provider("a", DISK))
    assert resource_providers.by_uuid(db, alpha.cloud) == {"a": provider("a", DISK)}
    write(alpha)
    assert resource_providers.by_uuid(db, alpha.cloud) == {}


def test_providers_are_of_one_cloud(db: Database) -> None:
    one, two = site(db, "a", region="one"), site(db, "b", region="two")
    write(one, provider("a", VCPU))
    write(two, provider("a", DISK))
    write(two)
    resource_providers.touch(db, two.cloud, ["host-a"])
    assert resource_providers.by_uuid(db, one.cloud) == {"a": provider("a", VCPU)}


def test_a_touched_provider_is_to_be_read_again(db: Database) -> None:
    alpha = site(db)
    write(alpha, provider("a", VCPU), provider("b", VCPU))
    resource_providers.touch(db, alpha.cloud, ["host-a", "unknown"])
    found = resource_providers.by_uuid(db, alpha.cloud)
    assert (found["a"].read_at, found["b"].read_at) == (0, NOW)


def test_touched_while_it_was_not_read_stays_touched(db: Database) -> None:
    alpha = site(db)
    write(alpha, provider("a", VCPU))
    resource_providers.touch(db, alpha.cloud, ["host-a"])
    write(alpha, provider("a", VCPU, read_at=NOW), now=NOW + 60)
    assert resource_providers.by_uuid(db, alpha.cloud)["a"].read_at == 0
    write(alpha, provider("a", VCPU, read_at=NOW + 120), now=NOW + 120)
    assert resource_providers.by_uuid(db, alpha.cloud)["a"].read_at == NOW + 120
