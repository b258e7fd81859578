"""Intake of alerts: a repetition counts once, subjects are found, and what came in is counted."""

from typing import Any

from sqlalchemy import select

from openstats.alerts import (
    Notification,
    ReceiverCounts,
    Refusal,
    Restriction,
    SubjectLabels,
)
from openstats.model import EVERYTHING
from openstats.services.alerts import AlertSource, receive, receiver_counts
from openstats.storage.alerts.counts import count
from openstats.storage.alerts.receivers import count_refusal
from openstats.storage.schema.alerts import alert
from openstats.storage.store import Store
from tests.registry import site, uuids
from tests.statistics.notifications import NOW, notification

SOURCE = AlertSource("am", Restriction(), reopen_within=900)
TENANT = SubjectLabels(tenant="p")


def reported(start: int, end: int | None = None, **fields: Any) -> Notification:
    """Return a notification of times in seconds before NOW, which names the tenant."""
    return notification(start, end, **{"subject": TENANT} | fields)


def stored(store: Store) -> list[tuple[int, str | None]]:
    """Return when each alert began, and what kind of thing it is on."""
    with store.read() as db:
        rows = db.execute(select(alert.c.created_at, alert.c.kind).order_by(alert.c.created_at))
        return [(row.created_at, row.kind) for row in rows]


def test_a_repeated_notification_is_stored_once(store: Store) -> None:
    with store.transaction() as db:
        site(db).project("p").discover()
    for now in (NOW, NOW + 60):
        receive(store, SOURCE, [reported(600)], truncated=1, now=now)
    assert stored(store) == [(NOW - 600, "tenant")]
    with store.read() as db:
        assert count(db, EVERYTHING, None, (NOW, NOW + 1)) == {"Error": 1}
    counts = receiver_counts(store, {})["am"]
    assert (counts.notifications, counts.truncated, counts.received_at) == (2, 2, NOW + 60)


def test_without_labels_the_subject_is_the_receivers_restriction(store: Store) -> None:
    with store.transaction() as db:
        site(db).project("p").discover()
        restriction = Restriction(project=uuids(db, "project")["p"])
    batch = [
        reported(600, fingerprint="a"),
        reported(500, fingerprint="b", subject=None),
        reported(400, fingerprint="c", subject=SubjectLabels(tenant="unknown")),
    ]
    receive(store, AlertSource("am", restriction, reopen_within=900), batch, truncated=0, now=NOW)
    assert stored(store) == [(NOW - 600, "tenant"), (NOW - 500, "project"), (NOW - 400, None)]


def test_an_empty_request_is_counted(store: Store) -> None:
    receive(store, SOURCE, [], truncated=3, now=NOW)
    assert receiver_counts(store, {}) == {"am": ReceiverCounts(NOW, truncated=3)}


def test_refusals_that_are_not_stored_yet_are_added(store: Store) -> None:
    receive(store, SOURCE, [], truncated=0, now=NOW)
    with store.transaction() as db:
        count_refusal(db, "am", Refusal(3, NOW, "403: z"))
    pending = {"am": Refusal(2, NOW + 1, "400: x"), "": Refusal(1, NOW, "404: y")}
    assert receiver_counts(store, pending) == {
        "am": ReceiverCounts(NOW, refused=5, refused_at=NOW + 1, refusal="400: x"),
        "": ReceiverCounts(refused=1, refused_at=NOW, refusal="404: y"),
    }
