"""Alerts that are raised here, by rules of our own or by a caller: one open for each cause."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, select, update

from openstats.alerts import BY_API, OWN, SEVERITIES, Finding, Notice, cut
from openstats.errors import ConflictError
from openstats.storage.alerts import received, subjects
from openstats.storage.alerts import rows as alert_rows
from openstats.storage.alerts.histories import NOWHERE, Place, of_places
from openstats.storage.alerts.rows import Opened
from openstats.storage.schema.alerts import STILL_OPEN, alert
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import advisory_lock


@dataclass(frozen=True, slots=True)
class Standing:
    """An alert of our own that is open: its row, when it was created, and how bad it is."""

    row: int
    created_at: int
    severity: str


Cause = tuple[str, int, str]
"""Of what kind something is, its row, and what is wrong with it."""


def standing(db: Connection, cloud: int, family: str) -> dict[Cause, Standing]:
    """Give the open alerts of a family of rules on a cloud and its tenants.

    Until the end of the transaction nobody else writes alerts.
    """
    advisory_lock(db, "alerts")
    mine = alert.c.source == OWN, alert.c.cloud_id == cloud, alert.c.alert_type.startswith(family)
    found = db.execute(select(alert).where(*STILL_OPEN, *mine))
    return {
        (
            row.kind,
            row.cloud_id if row.kind == "cloud" else row.tenant_id,
            row.alert_type,
        ): Standing(row.id, row.created_at, SEVERITIES[row.severity])
        for row in found
    }


def settle(
    db: Connection, before: Mapping[Cause, Standing], findings: Iterable[Finding], now: int
) -> None:
    """Open an alert for each finding, bring those up to date that are open, and close the rest."""
    found = {(one.kind, one.row, one.alert_type): one for one in findings}
    for cause, was in before.items():
        if cause not in found:
            _over(db, was, now)
        else:
            said = alert_rows.said(_notice(found[cause], now)) | {"seen_at": now}
            db.execute(update(alert).where(alert.c.id == was.row).values(said))
    fresh = [one for cause, one in found.items() if cause not in before]
    _open(db, fresh, now)


def _open(db: Connection, findings: Iterable[Finding], now: int) -> None:
    places: dict[tuple[str, int], Place] = {}
    listed = [one for one in findings if not _reopened(db, one, now)]
    for kind in {one.kind for one in listed}:
        rows = [one.row for one in listed if one.kind == kind]
        places |= {(kind, row): p for row, p in subjects.of_rows(db, kind, rows).items()}
    alert_rows.insert_all(
        db,
        [
            Opened(
                OWN, _notice(one, now), places.get((one.kind, one.row), NOWHERE), now, FOREVER, now
            )
            for one in listed
        ],
    )


def _reopened(db: Connection, one: Finding, now: int) -> bool:
    """Open the last alert of a cause again, if it was closed just now; return whether it was."""
    if not one.reopen_within:
        return False
    notice = _notice(one, now)
    same = alert.c.source == OWN, alert.c.fingerprint == notice.fingerprint
    closed = alert.c.until.between(now - one.reopen_within, FOREVER - 1)
    last = select(alert.c.id, alert.c.created_at).where(*same, closed)
    row = db.execute(last.order_by(alert.c.until.desc()).limit(1)).first()
    if row is None:
        return False
    values = alert_rows.times(row.created_at, FOREVER) | alert_rows.said(notice) | {"seen_at": now}
    db.execute(update(alert).where(alert.c.id == row.id).values(values))
    return True


def _notice(one: Finding, now: int) -> Notice:
    fingerprint = f"{one.kind}:{one.row}:{one.alert_type}"
    return Notice(fingerprint, "", one.alert_type, one.severity, one.message, now)


def find(db: Connection, given: Mapping[str, Any]) -> str | None:
    """Give the uuid of the open alert that somebody posted for the same cause, if there is one.

    Until the end of the transaction nobody else writes alerts.
    """
    advisory_lock(db, "alerts")
    mine = alert.c.source == BY_API, alert.c.fingerprint == _posted(given)
    return db.scalar(select(alert.c.uuid).where(*STILL_OPEN, *mine))


def _posted(given: Mapping[str, Any]) -> str:
    """Tell one cause from others: what the alert is of, and its type, whatever that holds."""
    scope = ":".join(*(given.get("scope") or {"": ""}).items())
    return hashlib.sha256(f"{scope}:{given['alert_type']}".encode()).hexdigest()


def post(db: Connection, uuid: str, given: Mapping[str, Any], now: int) -> None:
    """Create the alert of a uuid, or say anew what an open one is about.

    Whose it was before it moved has an alert of that time, which ended with the move.

    Raises:
        ConflictError: there is nothing of the scope's uuid.
    """
    created_at = min(given.get("created_at", now), now)
    told = given["alert_type"], given["severity"], given["message"]
    notice = Notice(_posted(given), "", *told, created_at)
    said = alert_rows.said(notice) | {"seen_at": now}
    if db.execute(update(alert).where(alert.c.uuid == uuid).values(said)).rowcount:
        return
    scope = given.get("scope")
    place = subjects.of_object(db, *next(iter(scope.items()))) if scope else NOWHERE
    (history,) = of_places(db, [place])
    *former, (began, _) = cut(created_at, None, history.changes)
    opened = [
        Opened(BY_API, notice, history.at(start), start, end or FOREVER, now)
        for start, end in former
    ]
    opened.append(Opened(BY_API, notice, history.at(began), began, FOREVER, now, uuid=uuid))
    alert_rows.insert_all(db, opened)


def close(db: Connection, uuid: str, now: int) -> None:
    """Close an alert by hand, whoever raised it.

    Raises:
        ConflictError: it is closed.
    """
    row = _there(db, uuid)
    if row.until < FOREVER:
        raise ConflictError(f"it was closed at {row.until}")
    _close(db, row.id, row.created_at, now)
    received.end(db, row.id, now, now)


def _over(db: Connection, was: Standing, now: int) -> None:
    """Close an alert of our own; one that was open for no time at all was none."""
    if now > was.created_at:
        _close(db, was.row, was.created_at, now)
    else:
        db.execute(delete(alert).where(alert.c.id == was.row))


def _close(db: Connection, row: int, created_at: int, now: int) -> None:
    times = alert_rows.times(created_at, max(created_at, now))
    db.execute(update(alert).where(alert.c.id == row).values(times))


def acknowledge(db: Connection, uuid: str, now: int) -> None:
    """Note that somebody knows of an alert.

    Raises:
        ConflictError: it was noted before.
    """
    row = _there(db, uuid)
    if row.acknowledged_at is not None:
        raise ConflictError(f"it was acknowledged at {row.acknowledged_at}")
    db.execute(update(alert).where(alert.c.id == row.id).values(acknowledged_at=now))


def _there(db: Connection, uuid: str) -> Any:
    advisory_lock(db, "alerts")
    return db.execute(select(alert).where(alert.c.uuid == uuid)).one()


def forget(db: Connection, before: int) -> int:
    """Delete alerts that were closed before a time, and say how many."""
    # The first condition follows from the other: it is what the index goes by.
    over = alert.c.created_at < before, alert.c.until < before
    return db.execute(delete(alert).where(*over)).rowcount
