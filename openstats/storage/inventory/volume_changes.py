"""What tenants got or lost of volumes lately, so that readings count each size for its time.

Cinder tells of no change when it was: it counts from the poll that saw it. Kept beside the cursors
of meter sources, whose names have no colon.
"""

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection

from openstats.model import Cloud
from openstats.storage.usage import readings

SOURCE = ":volumes"


def note(db: Connection, cloud: Cloud, at: int, gained: Mapping[str, int]) -> None:
    """Keep what tenants (Keystone ids) gained at a moment, in GiB; a loss is below 0."""
    changes = [*_changes(db, cloud), (at, {key: size for key, size in gained.items() if size})]
    readings.write_cursor(db, cloud, SOURCE, {"changes": changes})


def forget(db: Connection, cloud: Cloud, before: int) -> None:
    """Delete changes of before a moment."""
    changes = _changes(db, cloud)
    kept = [change for change in changes if change[0] >= before]
    if len(kept) < len(changes):
        readings.write_cursor(db, cloud, SOURCE, {"changes": kept})


def not_yet(db: Connection, cloud: Cloud, start: int, end: int) -> dict[str, int]:
    """Return GiB-seconds of ``[start, end)`` by tenant in which gains were not there yet."""
    seconds = Counter[str]()
    for at, gained in _changes(db, cloud):
        if at > start:
            seconds.update({key: size * (min(at, end) - start) for key, size in gained.items()})
    return dict(seconds)


def _changes(db: Connection, cloud: Cloud) -> list[tuple[int, dict[str, int]]]:
    return list(readings.cursor(db, cloud, SOURCE).get("changes", ()))
