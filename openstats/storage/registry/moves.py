"""Moves: what belongs to another owner from now on, and to whom it belonged before.

Usage of before a move stays with the former owner, and so do alerts. What nobody ever owned brings
its past along.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, bindparam, case, insert, literal, select, update

from openstats.storage.alerts import handover
from openstats.storage.ownership import Ownership
from openstats.storage.store import advisory_lock


def move(db: Connection, kind: Ownership, owners: Mapping[int, int | None], now: int) -> None:
    """Give rows to new owners (row ids, None for nobody); each is to be another than before."""
    rows = [{"row": row, "new": owner, "now": now} for row, owner in owners.items()]
    if rows:
        # Who opens an alert just now has looked whose it is.
        advisory_lock(db, "alerts")
        db.execute(_kept(kind), rows)
        db.execute(_given(kind), rows)
        handover.hand_over(db, kind.owned, owners, now)


def _kept(kind: Ownership) -> Any:
    """Keep who owned a row until now, if anybody did, and for a while."""
    held = select(kind.owned.c.id, kind.since, literal(0) + bindparam("now"), kind.owner_id)
    held = held.where(kind.owned.c.id == bindparam("row"), kind.owner_id.is_not(None))
    names = [kind.former_id.name, "since", "until", kind.owner_id.name]
    return insert(kind.former).from_select(names, held.where(kind.since < bindparam("now")))


def _given(kind: Ownership) -> Any:
    had_one = select(kind.former_id).where(kind.former_id == kind.owned.c.id).exists()
    always = case((kind.owner_id.is_(None) & ~had_one, 0), else_=bindparam("now"))
    values = {kind.owner_id.name: bindparam("new"), kind.since.name: always}
    return update(kind.owned).where(kind.owned.c.id == bindparam("row")).values(values)
