"""Whatever is wrong with a list or mapping, no figure is wrong without an error; and it heals."""

from typing import Any

import pytest

from tests.collector import expected
from tests.collector.lab import Lab
from tests.collector.mutation import LISTS, MAPPINGS, Mutation, Row, record, spoiled
from tests.double import Double, Size

KINDS = ("discovery", "instances", "volumes", "capacity", "quotas", "providers")
SIZE = Size(projects=6, servers=12, volumes=12, snapshots=6, hypervisors=4, customers=3)


ALL = (*LISTS, *MAPPINGS)
PARTS = [each for each in ALL if each.name.startswith(("cut", "empty", "null item"))]
"""What may be taken for the whole. All else is no answer, whatever was known before."""


@pytest.fixture
def cloud(lab: Lab) -> Double:
    """A cloud whose lists have more than one page."""
    double = lab.double(size=SIZE)
    double.disable_service("compute-0003")
    lab.use(page_size=5)
    return double


def figures(lab: Lab) -> dict[str, Any]:
    """Return all that is made from lists."""
    return {
        "servers": lab.sql("SELECT uuid, status, vcpus, ram, disk FROM instance ORDER BY uuid"),
        "tenants": lab.sql("SELECT tenant_id, name, enabled, deleted_at FROM tenant ORDER BY 1"),
        "customers": expected.customers(lab.store),
        "volumes": lab.sql(
            "SELECT t.tenant_id, v.volumes, v.gigabytes, v.snapshots, v.snapshot_gigabytes "
            "FROM volume_use v JOIN tenant t ON t.id = v.tenant_id ORDER BY 1"
        ),
        "quotas": sorted(expected.known_quotas(lab.store).items()),
        "capacity": lab.sql("SELECT vcpus, memory_mb, free_disk_gb FROM capacity"),
        "providers": lab.sql("SELECT uuid, name, disabled, sharing, zone FROM provider ORDER BY 1"),
        "inventories": lab.sql(
            "SELECT provider, resource_class, total, used FROM inventory ORDER BY 1, 2"
        ),
    }


def said(lab: Lab, *, full: bool) -> list[str]:
    errors = lab.cycle(*KINDS, after=4000, full=full)
    assert all(error.startswith("alpha: ") for error in errors), errors
    assert not any("defect" in error for error in errors), errors
    return errors


def hold(lab: Lab, row: Row, mutation: Mutation, right: dict[str, Any], *, cycles: int = 1) -> None:
    """Assert that, while a mutation is held, what is wrong is said by the last of some cycles."""
    with spoiled(lab, row, mutation) as rule:
        errors = [said(lab, full=True) for _ in range(cycles)][-1]
        assert rule.hits, row
    wrong = [name for name, value in figures(lab).items() if value != right[name]]
    assert errors or not wrong, (str(row), mutation.name, wrong)


@pytest.mark.parametrize("mutation", ALL, ids=lambda mutation: mutation.name)
def test_mutated_answers_never_spoil_known_figures(
    lab: Lab, cloud: Double, mutation: Mutation
) -> None:
    # What only the first of all cycles asks for, is held in the next test.
    assert lab.cycle(*KINDS) == []
    rows = record(lab, *KINDS)
    right = figures(lab)
    for row in rows:
        if row.kind != mutation.kind:
            continue
        hold(lab, row, mutation, right)
        assert figures(lab) == right, (str(row), mutation.name)
    assert said(lab, full=True) == []
    assert figures(lab) == right


@pytest.mark.parametrize("mutation", PARTS, ids=lambda mutation: mutation.name)
def test_mutated_first_answers_are_reported(lab: Lab, cloud: Double, mutation: Mutation) -> None:
    rows = record(lab, *KINDS)
    right = figures(lab)
    for row in rows:
        if row.kind == mutation.kind:
            forget(lab)
            # A tenant that only Nova knows makes discovery due: that says what its list left out.
            hold(lab, row, mutation, right, cycles=2)
    assert said(lab, full=True) == []
    assert figures(lab) == right


def forget(lab: Lab) -> None:
    """Make the store one that has seen nothing yet."""
    tables = (
        "quota volume_use instance provider inventory capacity project_group_member alert "
        "former_project former_customer"
    )
    for table in tables.split():
        lab.sql(f"DELETE FROM {table}")
    for table in ("tenant", "project", "customer"):
        lab.sql(f"DELETE FROM {table}")
    lab.sql("UPDATE job SET polled_at = NULL, cursor = '{}', vanished = NULL, error = NULL")
