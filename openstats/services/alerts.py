"""Intake of alerts: stores the notifications that receivers get, batch by batch.

Each batch is one transaction, so that a large request does not block other writers for long.
Storing a batch again changes nothing: a request that is repeated after a failure counts once.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from openstats.alerts import Notification, ReceiverCounts, Refusal, Restriction
from openstats.statistics.episodes import fold
from openstats.storage.alerts import receivers
from openstats.storage.alerts.episodes import read_episodes
from openstats.storage.alerts.histories import History
from openstats.storage.alerts.labels import of_labels, of_restriction
from openstats.storage.alerts.receiver_alerts import write_revisions
from openstats.storage.store import Database, Store

BATCH_SIZE = 1000
"""Notifications in one transaction; there are more only to keep those of one alert together."""

BATCH_PAUSE = 0.1
"""Seconds between two batches. On SQLite, waiting writers retry at least this often."""


@dataclass(frozen=True, slots=True)
class AlertSource:
    """Where the alerts of a request come from, and how they are stored; ``name`` is the receiver's.

    ``restriction`` is that of the sender of the request. An alert that fires again within
    ``reopen_within`` seconds after its end is reopened. ``message_visible`` says that everybody who
    may see an alert may read its message.
    """

    name: str
    restriction: Restriction
    reopen_within: int
    message_visible: bool = False


def receive(
    store: Store,
    source: AlertSource,
    notifications: Sequence[Notification],
    *,
    truncated: int,
    now: int,
) -> None:
    """Store the notifications of a request that arrived at ``now``.

    All notifications of one alert are in one batch, in order of time. ``truncated`` is the number
    of alerts that the sender left out.
    """
    batches = list(_batches(notifications))
    for number, batch in enumerate(batches, 1):
        with store.transaction() as db:
            _store(db, source, batch, now)
            if number == len(batches):
                # Count only when all is stored: an interrupted request is sent again.
                receivers.count_notifications(
                    db, source.name, now, notifications=len(notifications), truncated=truncated
                )
        if number < len(batches) and store.embedded:
            time.sleep(BATCH_PAUSE)


def _store(
    db: Database, source: AlertSource, notifications: Sequence[Notification], now: int
) -> None:
    """Update the alerts of these notifications."""
    name, reopen_within = source.name, source.reopen_within
    stored = read_episodes(db, name, notifications, now=now, reopen_within=reopen_within)
    histories = _histories(db, source.restriction, notifications)
    changes = {fingerprint: history.changes for fingerprint, history in histories.items()}
    revisions = fold(stored, notifications, changes, now=now, reopen_within=reopen_within)
    visible = source.message_visible
    write_revisions(db, name, revisions, histories, message_visible=visible, now=now)


def _histories(
    db: Database, restriction: Restriction, notifications: Iterable[Notification]
) -> dict[str, History]:
    """Return the history of each fingerprint's subject, which its last notification names."""
    labels = {notification.fingerprint: notification.subject for notification in notifications}
    named_subjects = {key: subject for key, subject in labels.items() if subject is not None}
    histories: dict[str, History] = {}
    if named_subjects:
        subject_histories = of_labels(db, restriction, [*named_subjects.values()])
        histories = dict(zip(named_subjects, subject_histories, strict=True))
    if len(histories) < len(labels):
        history = of_restriction(db, restriction)
        histories = dict.fromkeys(labels, history) | histories
    return histories


def _batches(notifications: Iterable[Notification]) -> Iterator[list[Notification]]:
    """Yield at least one batch; notifications of one alert are never in two batches.

    If a request reports an episode both as firing and as resolved, it is resolved.
    """
    last_of_episode: dict[tuple[str, str], Notification] = {}
    for notification in sorted(notifications, key=_order):
        last_of_episode[notification.fingerprint, notification.start] = notification
    batch: list[Notification] = []
    for notification in last_of_episode.values():
        if len(batch) >= BATCH_SIZE and notification.fingerprint != batch[-1].fingerprint:
            yield batch
            batch = []
        batch.append(notification)
    yield batch


def _order(notification: Notification) -> tuple[str, int, bool]:
    return notification.fingerprint, notification.started_at, notification.ended_at is not None


def receiver_counts(store: Store, pending: Mapping[str, Refusal]) -> dict[str, ReceiverCounts]:
    """Return the counts of receivers by name, with refusals that are not stored yet."""
    with store.read() as db:
        counts = receivers.receiver_counts(db)
    for name, refusal in pending.items():
        stored = counts.get(name, ReceiverCounts())
        refused = stored.refused + refusal.number
        counts[name] = replace(
            stored, refused=refused, refused_at=refusal.at, refusal=refusal.reason
        )
    return counts
