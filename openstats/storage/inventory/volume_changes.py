"""Recent changes in the size of tenants' volumes, so that readings count each size for its time.

Cinder does not say when a volume changed: a change counts from the poll that saw it. Changes are
stored with the cursors of meter sources, under a name with a colon, which no meter source has.
"""

from collections import Counter
from collections.abc import Mapping

from openstats.model import Cloud
from openstats.storage.store import Database
from openstats.storage.usage import readings

CURSOR_NAME = ":volumes"


def note(db: Database, cloud: Cloud, at: int, gained: Mapping[str, int]) -> None:
    """Store what tenants (Keystone ids) gained at a moment, in GiB; a loss is negative."""
    sizes = {tenant_id: size for tenant_id, size in gained.items() if size}
    _write(db, cloud, [*_changes(db, cloud), (at, sizes)])


def forget(db: Database, cloud: Cloud, moment: int) -> None:
    """Delete the changes before a moment."""
    changes = _changes(db, cloud)
    recent = [(at, sizes) for at, sizes in changes if at >= moment]
    if len(recent) < len(changes):
        _write(db, cloud, recent)


def not_yet(db: Database, cloud: Cloud, start: int, end: int) -> dict[str, int]:
    """Return by tenant (Keystone id) the GiB-seconds to subtract from the present use.

    These are the gains after ``start``, times the seconds of ``[start, end)`` before each of them.
    """
    gigabyte_seconds = Counter[str]()
    for at, sizes in _changes(db, cloud):
        seconds = min(at, end) - start
        if seconds > 0:
            gigabyte_seconds.update({key: size * seconds for key, size in sizes.items()})
    return dict(gigabyte_seconds)


def _changes(db: Database, cloud: Cloud) -> list[tuple[int, dict[str, int]]]:
    return list(readings.cursor(db, cloud, CURSOR_NAME).get("changes", ()))


def _write(db: Database, cloud: Cloud, changes: list[tuple[int, dict[str, int]]]) -> None:
    readings.write_cursor(db, cloud, CURSOR_NAME, {"changes": changes})
