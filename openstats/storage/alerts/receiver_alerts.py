"""Alerts of receivers: writes the revisions of alerts that notifications cause.

``statistics.episodes`` decides what notifications mean.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from openstats.alerts import AlertPeriod, Episode, Notification, Revision
from openstats.storage.alerts.episodes import delete_episodes, key_of, part_columns
from openstats.storage.alerts.histories import History, Subject
from openstats.storage.alerts.rows import (
    AlertRow,
    content_columns,
    delete_alerts,
    insert_alerts,
    time_columns,
    update_alerts,
)
from openstats.storage.dialects import upsert
from openstats.storage.schema.alerts import alert_episode
from openstats.storage.schema.types import FOREVER
from openstats.storage.store import Database


@dataclass(frozen=True, slots=True)
class RevisedAlert:
    """One alert of a revision."""

    revision: Revision
    alert: AlertPeriod

    @property
    def fingerprint(self) -> str:
        """The identifier of the alert within its source."""
        return self.revision.notification.fingerprint

    @property
    def until(self) -> int:
        """The time when the alert was closed, as the store represents it: FOREVER if it is open."""
        return FOREVER if self.alert.ended_at is None else self.alert.ended_at

    @property
    def has_news(self) -> bool:
        """Whether the notification describes the present state of this alert, not a former one."""
        if self.alert is not self.revision.alerts[-1]:
            return False
        return _is_news(self.revision.notification, self.alert.episodes[-1])


def _is_news(notification: Notification, last: Episode) -> bool:
    """Return whether a notification is current.

    A late notification is not: one about an earlier episode, or one that says that a closed episode
    fires.
    """
    if notification.ended_at is None and last.ended_at is not None:
        return False
    return notification.start == last.start or notification.started_at >= last.started_at


def write_revisions(
    db: Database,
    source: str,
    revisions: Sequence[Revision],
    histories: Mapping[str, History],
    *,
    message_visible: bool,
    now: int,
) -> None:
    """Write the alerts of revisions, with their episodes.

    ``histories`` has the subject for each fingerprint. If ``message_visible``, everybody who sees
    an alert may read its message.
    """
    new_alerts: list[RevisedAlert] = []
    stored_alerts: dict[int, RevisedAlert] = {}
    for revision in revisions:
        for alert in revision.alerts:
            revised = RevisedAlert(revision, alert)
            if alert.id is None:
                new_alerts.append(revised)
            else:
                stored_alerts[alert.id] = revised
    rows = []
    for revised in new_alerts:
        subject = histories[revised.fingerprint].at(revised.alert.started_at)
        rows.append(_row(source, revised, subject, message_visible=message_visible, now=now))
    new_ids = insert_alerts(db, rows)
    _update(db, stored_alerts, now)
    _write_episodes(db, source, dict(zip(new_ids, new_alerts, strict=True)) | stored_alerts)
    _delete_leftovers(db, source, revisions)


def _row(
    source: str, revised: RevisedAlert, subject: Subject, *, message_visible: bool, now: int
) -> AlertRow:
    return AlertRow(
        source,
        revised.revision.notification,
        subject,
        created_at=revised.alert.started_at,
        until=revised.until,
        reported_at=now,
        message_visible=message_visible,
    )


def _write_episodes(db: Database, source: str, alerts: Mapping[int, RevisedAlert]) -> None:
    """Write the episodes of alerts, by row id."""
    rows = []
    for alert_id, revised in alerts.items():
        key = {"source": source, "fingerprint": revised.fingerprint, "alert_id": alert_id}
        rows += [key | part_columns(part) for part in revised.alert.episodes]
    upsert(db, alert_episode, rows)


def _update(db: Database, alerts: Mapping[int, RevisedAlert], now: int) -> None:
    """Write the times of stored alerts, by row id, and what a notification says if it is current.

    The statement is::

        UPDATE alert SET created_at = …, until = …, span = …, seen_at = :now[, severity = …, …]
        WHERE id = :row_id

    ``seen_at`` is the database's name of ``reported_at``.
    """
    times: dict[int, dict[str, object]] = {}
    times_and_contents: dict[int, dict[str, object]] = {}
    for alert_id, revised in alerts.items():
        columns = time_columns(revised.alert.started_at, revised.until) | {"reported_at": now}
        if revised.has_news:
            contents = content_columns(revised.revision.notification)
            times_and_contents[alert_id] = columns | contents
        else:
            times[alert_id] = columns
    update_alerts(db, times)
    update_alerts(db, times_and_contents)


def _delete_leftovers(db: Database, source: str, revisions: Iterable[Revision]) -> None:
    """Delete stored alerts and parts of episodes that are no longer in a revision."""
    keys: dict[str, set[str]] = {}
    alert_ids: set[int] = set()
    for revision in revisions:
        stored_parts = [part for episode in revision.stored for part in episode.stored_parts]
        parts = [part for alert in revision.alerts for part in alert.episodes]
        leftover_keys = set(map(key_of, stored_parts)).difference(map(key_of, parts))
        keys[revision.notification.fingerprint] = leftover_keys
        for part in stored_parts:
            if part.alert_id is not None:
                alert_ids.add(part.alert_id)
        alert_ids.difference_update(alert.id for alert in revision.alerts)
    delete_episodes(db, source, keys)
    delete_alerts(db, alert_ids)
