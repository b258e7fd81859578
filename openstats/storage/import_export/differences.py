"""Differences: what a write of many things changed in the registry, for the audit.

One entry of the audit for each customer, group, project, tenant and grant that is another than
before; what is written over HTTP one by one is recorded there.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, select

from openstats.model import EVERYTHING
from openstats.storage.entries import audit
from openstats.storage.entries.audit import Author, Change
from openstats.storage.entries.customers import CUSTOMERS, GROUPS, PROJECTS
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.pagination import ALL, Entry, Listing, page
from openstats.storage.entries.tenants import TENANTS
from openstats.storage.schema import tables

WHOLE = {"customer": CUSTOMERS, "project_group": GROUPS, "project": PROJECTS, "grant": GRANTS}
FEW = 1000
"""Values that one statement takes."""

project, tenant = tables.project, tables.tenant

State = dict[tuple[str, str], Entry]
"""Entries by kind and uuid; of tenants only the project to which each is linked."""


def state(db: Connection) -> State:
    """Return the registry as it is."""
    found = {(kind, row["uuid"]): row for kind, of in WHOLE.items() for row in _entries(db, of)}
    links = select(tenant.c.uuid, project.c.uuid).join(project, project.c.id == tenant.c.project_id)
    return found | {("tenant", row[0]): {"project": row[1]} for row in db.execute(links)}


def _entries(db: Connection, listing: Listing) -> list[Entry]:
    return page(db, listing, EVERYTHING, filters={}, limit=ALL, marker=None)[0]


def record(db: Connection, author: Author, before: State) -> None:
    """Write one entry of the audit for each object that is another than in ``before``."""
    after = state(db)
    changed = [
        key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)
    ]
    tenants = _tenants(db, [uuid for kind, uuid in changed if kind == "tenant"])
    changes = []
    for kind, uuid in changed:
        was, is_now = before.get((kind, uuid)), after.get((kind, uuid))
        if kind == "tenant":
            is_now = tenants[uuid]
            was = is_now | (was or {"project": None})
        changes.append(Change(kind, uuid, was, is_now))
    audit.record_all(db, author, changes)


def _tenants(db: Connection, uuids: Sequence[str]) -> Mapping[str, Entry]:
    """Return tenants with all their fields, those that are gone as well, by uuid."""
    found: list[Entry] = []
    for start in range(0, len(uuids), FEW):
        chosen = {"uuid": tuple(uuids[start : start + FEW])}
        found += page(
            db, TENANTS, EVERYTHING, filters=chosen, limit=FEW, marker=None, deleted=True
        )[0]
    return {entry["uuid"]: entry for entry in found}
