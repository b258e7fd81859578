"""Pages of aggregate objects: whether one is there, and whether there are more behind it."""

from dataclasses import replace

from sqlalchemy import Connection

from openstats.errors import ParameterError
from openstats.model import Scope, Selection
from openstats.storage.access.visibility import prepared_objects, variables


def check_marker(db: Connection, scope: Scope, selection: Selection, marker: str) -> None:
    """Raise unless the object of a uuid is visible: where it lies would tell of its name.

    Raises:
        ParameterError: it is not, or there is none.
    """
    narrowed = replace(selection, uuids=(marker,))
    one = prepared_objects(
        selection.aggregate, everything=scope.everything, filtered=True, past=selection.past
    )
    if not one.rows(db, variables(scope, narrowed)):
        raise ParameterError(f"marker={marker}: it takes the uuid of an entry of this list")


def follows(db: Connection, scope: Scope, selection: Selection, marker: str) -> bool:
    """Return whether any selected object that is visible comes behind the one of a uuid."""
    filtered = bool(selection.uuids)
    behind = prepared_objects(
        selection.aggregate,
        everything=scope.everything,
        filtered=filtered,
        after=True,
        limited=True,
        past=selection.past,
    )
    values = variables(scope, selection) | {"marker": marker, "limit": 1}
    return bool(behind.rows(db, values))
