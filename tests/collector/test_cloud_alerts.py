"""Alerts of clouds: nearly full, and given away beyond what there is."""

import pytest

from tests.collector.lab import Lab
from tests.collector.raised import Tenant, message, one_tenant, standing
from tests.double.changes import inventory


@pytest.fixture
def tenant(lab: Lab) -> Tenant:
    return one_tenant(lab)


def filled(tenant: Tenant, total: int, ratio: float = 1.0, reserved: int = 0) -> dict[str, str]:
    """Have the only hypervisor so many vCPUs, of which 80 are allocated, and give what stands."""
    (provider,) = tenant.double.state.providers.values()
    provider.inventories["VCPU"] = inventory(total, ratio, reserved)
    provider.generation += 1
    assert tenant.lab.cycle("providers", after=1, full=True) == []
    return {kind: how for kind, how in standing(tenant.lab).items() if kind.endswith(".VCPU")}


def test_a_cloud_that_fills_up_and_empties(lab: Lab, tenant: Tenant) -> None:
    full, overdrawn = "capacity.VCPU", {"allocation.VCPU": "Warning"}
    assert filled(tenant, 95) == {}
    assert filled(tenant, 94) == {full: "Warning"}
    assert message(lab) == "VCPU: 80 of 94 are allocated"
    assert lab.sql("SELECT kind, customer_id FROM alert") == [("cloud", None)]
    assert filled(tenant, 84) == {full: "Error"}
    assert filled(tenant, 80) == {full: "Error"}
    assert filled(tenant, 79) == {full: "Error"} | overdrawn
    assert filled(tenant, 80) == {full: "Error"}
    assert filled(tenant, 97) == {full: "Warning"}
    assert filled(tenant, 98) == {}


def test_rules_compare_with_allocatable_capacity(tenant: Tenant) -> None:
    assert filled(tenant, 100, 2.0, reserved=53) == {"capacity.VCPU": "Warning"}
    assert filled(tenant, 100, 2.0) == {}


def test_bare_metal_in_use_is_reserved_and_no_warning(tenant: Tenant) -> None:
    for number in range(8):
        reserved = int(number < 5)
        held = {"CUSTOM_BAREMETAL": inventory(1, reserved=reserved)}
        provider = tenant.double.add_provider(f"node-{number}", held)
        provider.usages["CUSTOM_BAREMETAL"] = reserved
    assert tenant.lab.cycle("providers", after=1, full=True) == []
    assert standing(tenant.lab) == {}


def test_cloud_without_figures_raises_no_alert(tenant: Tenant) -> None:
    assert filled(tenant, 84) == {"capacity.VCPU": "Error"}
    tenant.double.state.providers.clear()
    (said,) = tenant.lab.cycle("providers", after=1, full=True)
    assert "Placement lists no provider for 1 of 1 hypervisors with servers" in said
    assert standing(tenant.lab) == {}
