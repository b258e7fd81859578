"""Entries as JSON: the order of their fields, and what is left out or null."""

from dataclasses import replace
from typing import Any

import pytest

from openstats.api.alerts import entries
from openstats.api.registry import clouds, documents
from openstats.meters import USAGE_METERS
from openstats.model import Capacity, Inventory, Quota, QuotaSum, VolumeTypeQuota
from openstats.storage.entries.alerts import StoredAlert
from openstats.storage.entries.clouds import CloudDetails, CloudFigures, StoredCloud
from openstats.storage.entries.customers import StoredCustomer, StoredGroup, StoredProject
from openstats.storage.entries.tenants import StoredTenant
from openstats.storage.registry.grants import GrantValues, StoredGrant

GROUP = StoredGroup("g", "web", None, None, "c", ["p"])
PROJECT = StoredProject("p", "shop", 7, None, "c", ["g"])


@pytest.mark.parametrize(
    ("document", "fields"),
    [
        (
            documents.customer(StoredCustomer("c", "acme", 7, None)),
            {"uuid": "c", "name": "acme", "created_at": 7},
        ),
        (
            documents.customer(StoredCustomer("c", "acme", None, 9)),
            {"uuid": "c", "name": "acme", "created_at": None, "deleted_at": 9},
        ),
        (
            documents.project_group(GROUP),
            {"uuid": "g", "name": "web", "created_at": None, "customer": "c", "projects": ["p"]},
        ),
        (
            documents.project(replace(PROJECT, deleted_at=9)),
            {
                "uuid": "p",
                "name": "shop",
                "created_at": 7,
                "customer": "c",
                "deleted_at": 9,
                "project_groups": ["g"],
            },
        ),
        (
            documents.grant(
                StoredGrant("r", GrantValues("subject", "jane", "owner", "project", "p"))
            ),
            {"uuid": "r", "subject": "jane", "role": "owner", "scope": {"project": "p"}},
        ),
    ],
)
def test_fields_and_their_order(document: documents.Document, fields: dict[str, Any]) -> None:
    assert list(document.items()) == list(fields.items())


def test_unknown_quotas_of_a_tenant_are_null() -> None:
    quotas = {"vcpu": Quota(8, 2), "ram": None}
    types = {"fast": VolumeTypeQuota(volumes=Quota(-1, 1))}
    tenant = StoredTenant("t", "id", "shop", True, None, "c", None, None, quotas, types)
    unknown = {"limit": None, "in_use": None}
    assert documents.tenant(tenant)["quota"] == {
        "vcpu": {"limit": 8, "in_use": 2},
        "ram": unknown,
        "volume_types": {
            "fast": {
                "volumes": {"limit": -1, "in_use": 1},
                "snapshots": unknown,
                "storage": unknown,
            }
        },
    }


FIGURES = CloudFigures(
    capacity=None,
    hosts=None,
    quotas={"vcpu": QuotaSum(1, 2, 3)},
    read_until=dict.fromkeys(USAGE_METERS) | {"vcpu_hours.allocated": 9},
    inventories={"north": [Inventory("VCPU", 8, 0, 2.0, 3)]},
)
DETAILS = CloudDetails(
    auth_url="https://keystone.example",
    region="one",
    last_polled_at=5,
    last_error=None,
    disk_shared=False,
    unused_entries={"b": "same", "a": "no role"},
    shared_services={"nova": "alpha"},
    figures=FIGURES,
)


def test_a_cloud_without_details_shows_its_names() -> None:
    assert clouds.document(StoredCloud("c", "alpha", None)) == {"uuid": "c", "name": "alpha"}


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({}, {"source": None, "capacity": None, "quota": {"vcpu": QuotaSum(1, 2, 3)._asdict()}}),
        (
            {"capacity": (Capacity(1, 2, 3, 4, 5, 6, source="placement"), 7)},
            {
                "source": "placement",
                "capacity": {
                    "vcpus": 1,
                    "vcpus_used": 2,
                    "memory_mb": 3,
                    "memory_mb_used": 4,
                    "free_ram_mb": 5,
                    "free_disk_gb": 6,
                    "collected_at": 7,
                },
            },
        ),
        (
            {},
            {
                "left_aside": [
                    {"name": "a", "reason": "no role"},
                    {"name": "b", "reason": "same"},
                ],
                "shared_services": [{"service": "nova", "cloud": "alpha"}],
                "meters": [{"item": "vcpu_hours", "basis": "allocated", "complete_until": 9}],
            },
        ),
    ],
)
def test_details_of_a_cloud(changed: dict[str, Any], fields: dict[str, Any]) -> None:
    details = replace(DETAILS, figures=replace(FIGURES, **changed))
    document = clouds.document(StoredCloud("c", "alpha", details))
    assert {name: document[name] for name in fields} == fields
    assert document.keys() == clouds.Cloud.model_fields.keys()


@pytest.mark.parametrize(
    ("message", "labels", "shown"),
    [("it burns", {"a": "b"}, "it burns"), (None, None, "fire"), ("", {}, "")],
)
def test_what_a_caller_may_not_read_of_an_alert(
    message: str | None, labels: dict[str, str] | None, shown: str
) -> None:
    alert = StoredAlert("a", "Error", "fire", message, ("tenant", "t"), 1, None, 2, "api", labels)
    document = entries.document(alert)
    assert document["message"] == shown
    assert document.get("labels") == labels
    assert (document["scope"], document["acknowledged"]) == ({"tenant": "t"}, True)
