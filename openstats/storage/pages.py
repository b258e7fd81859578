"""Pages of aggregate objects: whether there are more behind one."""

from functools import cache

from sqlalchemy import Connection

from openstats.model import Scope, Selection
from openstats.storage.membership import objects, variables

_objects = cache(objects)


def follows(db: Connection, scope: Scope, selection: Selection, marker: str) -> bool:
    """Return whether any selected object that is visible comes behind the one of a uuid."""
    filtered = bool(selection.uuids)
    behind = _objects(
        selection.aggregate,
        everything=scope.everything,
        filtered=filtered,
        after=True,
        limited=True,
        past=selection.past,
    )
    values = variables(scope, selection) | {"marker": marker, "limit": 1}
    return db.execute(behind, values).first() is not None
