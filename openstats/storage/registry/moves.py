"""Moves: a tenant gets another project, or a project gets another customer, from now on.

Usage and alerts from before a move stay with the former owner. If there was no former owner, the
first owner gets the whole past.
"""

from collections.abc import Mapping

from sqlalchemy import Insert, Update, bindparam, case, insert, literal, select, update

from openstats.storage.alerts import handover
from openstats.storage.dialects import advisory_lock
from openstats.storage.ownership import Ownership
from openstats.storage.store import Database


def move(db: Database, kind: Ownership, owners: Mapping[int, int | None], now: int) -> None:
    """Write the owners of rows (row ids; None: no owner), which differ from the present ones."""
    rows = [{"row": row, "new": owner, "now": now} for row, owner in owners.items()]
    if rows:
        # Transactions that open alerts have already read the owners of subjects.
        advisory_lock(db, "alerts")
        db.execute(_insert_former(kind), rows)
        db.execute(_update_owner(kind), rows)
        handover.hand_over(db, kind.owned, owners, now)


def _insert_former(kind: Ownership) -> Insert:
    """Return the statement that records the present owner as a former one.

    It records nothing if there is no owner, or if it owned the row for no time. For a project, for
    example::

        INSERT INTO former_customer (project_id, since, until, customer_id)
        SELECT id, customer_since, :now, customer_id FROM project
        WHERE id = :row AND customer_id IS NOT NULL AND customer_since < :now
    """
    # PostgreSQL cannot tell the type of a parameter that stands alone in a list of columns.
    now = literal(0) + bindparam("now")
    statement = select(kind.owned.c.id, kind.since, now, kind.owner_id).where(
        kind.owned.c.id == bindparam("row"),
        kind.owner_id.is_not(None),
        kind.since < bindparam("now"),
    )
    columns = [kind.former_id.name, "since", "until", kind.owner_id.name]
    return insert(kind.former).from_select(columns, statement)


def _update_owner(kind: Ownership) -> Update:
    """Return the statement that writes the new owner, since now; a first owner, since always.

    For a tenant, for example::

        UPDATE tenant SET project_since = CASE
            WHEN project_id IS NULL
            AND NOT EXISTS (SELECT * FROM former_project WHERE tenant_id = tenant.id) THEN 0
            ELSE :now END,
            project_id = :new
        WHERE id = :row

    In this order: in MySQL, an expression sees the values that were assigned before it.
    """
    had_owner = select(kind.former_id).where(kind.former_id == kind.owned.c.id).exists()
    since = case((kind.owner_id.is_(None) & ~had_owner, 0), else_=bindparam("now"))
    statement = update(kind.owned).where(kind.owned.c.id == bindparam("row"))
    return statement.ordered_values((kind.since, since), (kind.owner_id, bindparam("new")))
