"""Differences: what a write of many things changed in the registry, for the audit.

One entry of the audit for each customer, group, project, tenant and grant that is another than
before; what is written over HTTP one by one is recorded there.
"""

from sqlalchemy import Connection, select

from openstats.model import EVERYTHING
from openstats.storage import audit, schema
from openstats.storage.audit import Author
from openstats.storage.found import TENANTS
from openstats.storage.grants import GRANTS
from openstats.storage.listing import Entry, Listing, one, page
from openstats.storage.objects import CUSTOMERS, GROUPS, PROJECTS

WHOLE = {"customer": CUSTOMERS, "project_group": GROUPS, "project": PROJECTS, "grant": GRANTS}
ALL = 2**31

project, tenant = schema.project, schema.tenant

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
    for key in sorted(before.keys() | after.keys()):
        was, is_now = before.get(key), after.get(key)
        if was == is_now:
            continue
        kind, uuid = key
        if kind == "tenant":
            is_now = one(db, TENANTS, EVERYTHING, uuid) or {}
            was = is_now | (was or {"project": None})
        audit.record(db, author, kind, uuid, before=was, after=is_now)
