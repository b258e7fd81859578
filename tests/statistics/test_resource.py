"""Capacity: the nine figures of resource, and Placement's providers as Nova would sum them."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from openstats.model import Capacity, Inventory, Provider, Quota, QuotaSum
from openstats.statistics.resource import allocations, by_class, by_zone, of_providers, resource

EXAMPLE = Capacity(
    vcpus=64,
    vcpus_used=4,
    memory_mb=516588,
    memory_mb_used=6144,
    free_ram_mb=510444,
    free_disk_gb=14,
)
CLASSES = ("VCPU", "PCPU", "MEMORY_MB", "DISK_GB", "VGPU")
amounts = st.integers(0, 10**9)
inventories = st.builds(
    Inventory, st.sampled_from(CLASSES), amounts, amounts, st.floats(0.1, 16), amounts
)
providers = st.builds(
    Provider,
    uuid=st.uuids().map(str),
    name=st.just("host"),
    root=st.just("root"),
    generation=st.just(1),
    disabled=st.booleans(),
    inventories=st.lists(inventories, max_size=6).map(tuple),
    read_at=st.just(0),
)


def host(*held: Inventory, disabled: bool = False) -> Provider:
    return Provider("u", "host", "u", 1, disabled, held, 0)


def test_the_specifications_example() -> None:
    assert resource([EXAMPLE], {}) == {
        "free_disk_gb": 14,
        "free_ram_mb": 510444,
        "memory_mb": 516588,
        "memory_mb_used": 6144,
        "memory_quota": 0,
        "storage_quota": 0,
        "vcpu_quota": 0,
        "vcpus": 64,
        "vcpus_used": 4,
    }


def test_quotas_stand_beside_them() -> None:
    sums = {
        "vcpu": QuotaSum(8, 0, 1),
        "ram": QuotaSum(1024, 0, 1),
        "storage": QuotaSum(2048, 1, 1),
        "max_instances": QuotaSum(5, 0, 1),
    }
    found = resource([EXAMPLE], sums)
    assert (found["vcpu_quota"], found["memory_quota"], found["storage_quota"]) == (8, 1024, -1)
    assert resource([EXAMPLE], sums, skip_unlimited=True)["storage_quota"] == 2048
    assert len(found) == 9


def test_a_provider_as_nova_would_tell_it() -> None:
    held = (
        Inventory("VCPU", total=16, reserved=1, allocation_ratio=4.0, used=5),
        Inventory("PCPU", total=8, reserved=0, allocation_ratio=1.0, used=2),
        Inventory("MEMORY_MB", total=1000, reserved=512, allocation_ratio=1.0, used=100),
        Inventory("DISK_GB", total=100, reserved=10, allocation_ratio=1.0, used=30),
    )
    assert of_providers([host(*held)]) == Capacity(
        vcpus=24,
        vcpus_used=7,
        memory_mb=1000,
        memory_mb_used=612,
        free_ram_mb=388,
        free_disk_gb=70,
        source="placement",
    )


def test_other_resources_do_not_count() -> None:
    vgpu = Inventory("VGPU", total=4, reserved=1, allocation_ratio=1.0, used=2)
    assert of_providers([host(vgpu)]) == of_providers([])


@given(st.lists(providers, max_size=4))
def test_disabled_providers_do_not_count(found: list[Provider]) -> None:
    enabled = [p for p in found if not p.disabled]
    assert of_providers(found) == of_providers(enabled)


@given(st.lists(providers, max_size=4))
def test_memory_and_what_is_free_of_it_add_up(found: list[Provider]) -> None:
    total = of_providers(found)
    assert total.free_ram_mb == total.memory_mb - total.memory_mb_used


@settings(max_examples=25)
@given(st.lists(providers, max_size=2), st.lists(providers, max_size=2))
def test_two_halves_sum_to_the_whole(one: list[Provider], two: list[Provider]) -> None:
    halves = resource([of_providers(one), of_providers(two)], {})
    assert halves == resource([of_providers(one + two)], {})


@given(st.lists(providers, max_size=4))
def test_the_allocation_ratio_changes_nothing(found: list[Provider]) -> None:
    def doubled(p: Provider) -> Provider:
        return replace(p, inventories=tuple(replace(i, allocation_ratio=2) for i in p.inventories))

    assert of_providers(map(doubled, found)) == of_providers(found)


ZONES = {
    # What each can give away is a whole number: 7 * 1.5 is 10, twice.
    "north": [Inventory("VCPU", 8, 1, 1.5, 3), Inventory("VCPU", 8, 1, 1.5, 4)],
    "south": [Inventory("VCPU", 4, 0, 16.0, 1)],
    None: [Inventory("DISK_GB", 100, 10, 1.0, 9)],
}
NORTH = {"total": 16, "reserved": 2, "used": 7, "allocation_ratio": 1.5, "effective": 20}
SOUTH = {"total": 4, "reserved": 0, "used": 1, "allocation_ratio": 16.0, "effective": 64}
BOTH = {"total": 20, "reserved": 2, "used": 8, "allocation_ratio": None, "effective": 84}


def test_allocatable_capacity_by_class() -> None:
    disk = {"total": 100, "reserved": 10, "used": 9, "allocation_ratio": 1.0, "effective": 90}
    assert by_class(ZONES) == {"DISK_GB": disk, "VCPU": BOTH}
    assert by_class({}) == {}


def test_allocatable_capacity_by_zone() -> None:
    assert by_zone(ZONES) == {"north": {"VCPU": NORTH}, "south": {"VCPU": SOUTH}}
    assert by_zone({}) == {}


@given(st.dictionaries(st.none() | st.text(), st.lists(inventories, max_size=5), max_size=4))
def test_zones_sum_to_the_whole(zones: dict[str | None, list[Inventory]]) -> None:
    parts = [*by_zone(zones).values(), by_class({None: zones.get(None, [])})]
    for name, figures in by_class(zones).items():
        for figure in ("total", "reserved", "used", "effective"):
            found = (part[name][figure] for part in parts if name in part)
            assert sum(found) == figures[figure]


def node(reserved: int, used: int, total: int = 1) -> Inventory:
    return Inventory("CUSTOM_BAREMETAL", total, reserved, 1.0, used)


def test_nodes_in_use_that_are_reserved_are_allocated_and_no_more() -> None:
    nodes = [node(1, 1)] * 5 + [node(0, 0)] * 3
    assert allocations({None: nodes}) == {"CUSTOM_BAREMETAL": Quota(8, 5)}
    # One that is reserved and not in use is out of service.
    assert allocations({"a": nodes, "b": [node(1, 0)]}) == {"CUSTOM_BAREMETAL": Quota(8, 5)}


def test_reserved_inventory_cannot_be_allocated() -> None:
    held = [Inventory("VCPU", 10, 2, 2.0, 20), Inventory("VCPU", 10, 10, 2.0, 11)]
    assert allocations({None: held}) == {"VCPU": Quota(16, 31)}


def test_memory_that_is_in_use_and_reserved_is_used_once() -> None:
    found = of_providers([host(Inventory("MEMORY_MB", 4096, 4096, 1.0, 4096))])
    assert (found.memory_mb, found.memory_mb_used, found.free_ram_mb) == (4096, 4096, 0)
    found = of_providers([host(Inventory("MEMORY_MB", 4096, 512, 1.0, 1024))])
    assert found.memory_mb_used == 1536
