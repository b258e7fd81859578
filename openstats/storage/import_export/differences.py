"""Differences between two states of the registry: what an import changed, for the audit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import select

from openstats.model import EVERYTHING
from openstats.storage.entries.customers import (
    CUSTOMERS,
    GROUPS,
    PROJECTS,
    StoredCustomer,
    StoredGroup,
    StoredProject,
)
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.pagination import read_all
from openstats.storage.entries.tenants import TENANTS, StoredTenant
from openstats.storage.registry.grants import StoredGrant
from openstats.storage.schema import tables
from openstats.storage.store import Database

BATCH = 1000
"""The number of values that one statement takes."""

project, tenant = tables.project, tables.tenant

StoredObject = StoredCustomer | StoredGroup | StoredProject | StoredGrant | StoredTenant

KeyT = TypeVar("KeyT", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Difference:
    """An object (kind and uuid) before and after an import; None if it did not exist."""

    kind: str
    uuid: str
    before: StoredObject | None
    after: StoredObject | None


@dataclass(frozen=True, slots=True)
class RegistryState:
    """The objects and grants by kind and uuid, and the projects of tenants (uuids)."""

    objects: Mapping[tuple[str, str], StoredObject]
    links: Mapping[str, str]


def state(db: Database) -> RegistryState:
    """Return the present state of the registry."""
    objects: dict[tuple[str, str], StoredObject] = {}
    objects |= {("customer", row.uuid): row for row in read_all(db, CUSTOMERS, EVERYTHING)}
    objects |= {("project_group", row.uuid): row for row in read_all(db, GROUPS, EVERYTHING)}
    objects |= {("project", row.uuid): row for row in read_all(db, PROJECTS, EVERYTHING)}
    objects |= {("grant", row.uuid): row for row in read_all(db, GRANTS, EVERYTHING)}
    links = select(tenant.c.uuid, project.c.uuid).join(project, project.c.id == tenant.c.project_id)
    return RegistryState(objects, dict(db.execute(links).all()))


def differences(db: Database, old: RegistryState) -> list[Difference]:
    """Return what has changed since an earlier state, by kind and uuid; tenants come last."""
    new = state(db)
    rows = []
    for kind, uuid in _changed_keys(old.objects, new.objects):
        key = kind, uuid
        rows.append(Difference(kind, uuid, old.objects.get(key), new.objects.get(key)))
    for linked in _tenants(db, _changed_keys(old.links, new.links)):
        old_tenant = replace(linked, project=old.links.get(linked.uuid))
        rows.append(Difference("tenant", linked.uuid, old_tenant, linked))
    return rows


def _changed_keys(old: Mapping[KeyT, object], new: Mapping[KeyT, object]) -> list[KeyT]:
    return [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]


def _tenants(db: Database, uuids: Sequence[str]) -> list[StoredTenant]:
    """Return tenants in the order of their uuids, including deleted ones."""
    tenants: dict[str, StoredTenant] = {}
    for start in range(0, len(uuids), BATCH):
        filters = {"uuid": tuple(uuids[start : start + BATCH])}
        for row in read_all(db, TENANTS, EVERYTHING, filters, deleted=True):
            tenants[row.uuid] = row
    return [tenants[uuid] for uuid in uuids]
