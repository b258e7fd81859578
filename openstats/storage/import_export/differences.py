"""Differences between two states of the registry, for the audit of an import.

The audit gets one entry for each customer, group, project, tenant and grant that changed. Single
writes over HTTP are recorded by the views, not here.
"""

from collections.abc import Sequence

from sqlalchemy import select

from openstats.model import EVERYTHING
from openstats.storage.entries import audit
from openstats.storage.entries.audit import Author, Change
from openstats.storage.entries.customers import CUSTOMERS, GROUPS, PROJECTS
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.pagination import ALL, Entry, page
from openstats.storage.entries.tenants import TENANTS
from openstats.storage.schema import tables
from openstats.storage.store import Database

LISTINGS = {"customer": CUSTOMERS, "project_group": GROUPS, "project": PROJECTS, "grant": GRANTS}
BATCH = 1000
"""The number of values that one statement takes."""

project, tenant = tables.project, tables.tenant

State = dict[tuple[str, str], Entry]
"""Entries by kind and uuid; the entry of a tenant is only the project that it is linked to."""


def state(db: Database) -> State:
    """Return the present state of the registry."""
    entries: State = {}
    for kind, listing in LISTINGS.items():
        for entry in page(db, listing, EVERYTHING, filters={}, limit=ALL, marker=None)[0]:
            entries[kind, entry["uuid"]] = entry
    links = select(tenant.c.uuid, project.c.uuid).join(project, project.c.id == tenant.c.project_id)
    for tenant_uuid, project_uuid in db.execute(links):
        entries["tenant", tenant_uuid] = {"project": project_uuid}
    return entries


def record(db: Database, author: Author, old: State) -> None:
    """Write one audit entry for each object that differs from an earlier state."""
    new = state(db)
    keys = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
    tenants = _tenants(db, [uuid for kind, uuid in keys if kind == "tenant"])
    changes = []
    for kind, uuid in keys:
        earlier, later = old.get((kind, uuid)), new.get((kind, uuid))
        if kind == "tenant":
            later = tenants[uuid]
            earlier = later | (earlier or {"project": None})
        changes.append(Change(kind, uuid, earlier, later))
    audit.record_all(db, author, changes)


def _tenants(db: Database, uuids: Sequence[str]) -> dict[str, Entry]:
    """Return tenants with all their fields by uuid, including deleted ones."""
    tenants: dict[str, Entry] = {}
    for start in range(0, len(uuids), BATCH):
        filters = {"uuid": tuple(uuids[start : start + BATCH])}
        entries, _ = page(
            db, TENANTS, EVERYTHING, filters=filters, limit=BATCH, marker=None, deleted=True
        )
        for entry in entries:
            tenants[entry["uuid"]] = entry
    return tenants
