"""Receivers when things go wrong: peers at once, wrong clocks, a store that fails, sudden deaths.

Nothing is lost, and nothing is counted twice.
"""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count
from pathlib import Path
from threading import Barrier
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from webtest import TestApp

from openstats.alerts import Notification
from openstats.conf.alerts import receivers
from openstats.storage.store import Store
from openstats.storage.waits import Waits
from openstats.wsgi.app import make_app
from tests.api.dying import document
from tests.api.receiving import (
    BEARER,
    URL,
    Document,
    alarm,
    listed,
    loaded,
    sections,
    sent,
    tell,
    times,
    webhook,
)
from tests.api.world import CLOCK
from tests.conftest import Sqlite
from tests.devcloud.process import wait_for
from tests.dying import killing
from tests.postgresql import Server, free_port
from tests.registry import NOW
from tests.statistics.notifications import WITHIN, merged_times, request_histories

Api = Callable[..., TestApp]


# -- order


@pytest.fixture(scope="module")
def shared(
    sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[TestApp, list[int]]]:
    """Give an application that each example tells of alerts of its own, and its clock."""
    path, now = tmp_path_factory.mktemp("shared") / "openstats.conf", [NOW]
    with sqlite.store() as store:
        yield TestApp(make_app(loaded(path, sections(am={})), store, clock=lambda: now[0])), now


def document_of(notification: Notification, key: str) -> Document:
    """Write a notification as Alertmanager does."""
    ended = None if notification.ended_at is None else NOW - notification.ended_at
    return sent(key, NOW - notification.started_at, ended, alertname=key)


NUMBERS = count()


@given(request_histories())
@settings(max_examples=40)
def test_any_order_of_requests_makes_the_same_alerts(
    shared: tuple[TestApp, list[int]], requests: list[list[Notification]]
) -> None:
    (app, now), key = shared, str(next(NUMBERS))
    notifications = [notification for request in requests for notification in request]
    for number, request in enumerate([*requests, notifications, notifications[::-1]]):
        now[0] = NOW + number
        tell(app, "am", webhook(*(document_of(notification, key) for notification in request)))
    entries = listed(app, f"alert_type={key}&limit=1000")
    found = sorted((entry["created_at"], entry["closed_at"]) for entry in entries)
    assert found == merged_times(notifications, WITHIN)


def test_late_notification_changes_nothing(receiving: Api) -> None:
    app = receiving(am={})
    new = sent("f", 600, severity="info") | {"annotations": {"summary": "new"}}
    tell(app, "am", webhook(new))
    for late in (sent("f", 1200, 900), sent("f", 1200)):
        tell(app, "am", webhook(late))
    (entry,) = listed(app)
    assert (entry["created_at"], entry["message"], entry["severity"]) == (NOW - 1200, "new", "Info")
    over = sent("f", 600, 60, severity="debug") | {"annotations": {"summary": "over"}}
    tell(app, "am", webhook(over, new))
    (entry,) = listed(app)
    assert (entry["closed_at"], entry["message"], entry["severity"]) == (NOW - 60, "over", "Debug")


def test_alert_fired_again_soon_is_reopened(receiving: Api) -> None:
    app = receiving(am={}, alerts={"reopen_within": "300"})
    tell(app, "am", webhook(sent("a", 3600, 1000), sent("b", 3600, 1000)))
    (uuid,) = [entry["uuid"] for entry in listed(app) if entry["message"].startswith("a")]
    tell(app, "am", webhook(sent("a", 700), sent("b", 699)))
    assert times(app)[-1] == (NOW - 699, None)
    assert sorted(times(app)[:2], key=str) == [(NOW - 3600, NOW - 1000), (NOW - 3600, None)]
    assert app.get(f"/api/alerts/{uuid}/").json["closed_at"] is None


def test_receivers_with_the_same_fingerprint_have_alerts_of_their_own(receiving: Api) -> None:
    app = receiving(one={}, two={})
    tell(app, "one", webhook(sent("f")))
    tell(app, "two", webhook(sent("f", 600, 60)))
    assert {(e["source"], e["closed_at"]) for e in listed(app)} == {
        ("one", None),
        ("two", NOW - 60),
    }


def test_late_episode_joins_its_two_neighbours(receiving: Api) -> None:
    app = receiving(am={})
    tell(app, "am", webhook(sent("f", 3600, 3000), sent("f", 1500, 600)))
    oldest = listed(app)[-1]["uuid"]
    assert times(app) == [(NOW - 3600, NOW - 3000), (NOW - 1500, NOW - 600)]
    for _ in range(2):
        tell(app, "am", webhook(sent("f", 2400, 2000)))
        assert times(app) == [(NOW - 3600, NOW - 600)]
        assert [entry["uuid"] for entry in listed(app)] == [oldest]
    # The joined episodes are still known.
    tell(app, "am", webhook(sent("f", 1500, 600), sent("f", 3600)))
    assert times(app) == [(NOW - 3600, NOW - 600)]


# -- clocks


@pytest.mark.parametrize("off", [-3600, 0, 3600, 86_400])
def test_a_clock_that_is_off_loses_nothing_and_counts_nothing_twice(
    either_receiving: Api, off: int
) -> None:
    now = [NOW]
    app = either_receiving(now, am={})

    def report(at: int, start: int, end: int | None = None) -> None:
        now[0] = NOW + at
        tell(app, "am", webhook(sent("f", -start - off, None if end is None else -end - off)))

    for _ in range(2):
        report(0, 0)
    for at, start, end in ((60, 0, None), (600, 0, 600), (1200, 1200, None), (1800, 1200, 1800)):
        report(at, start, end)
    # A clock that is ahead counts as ours.
    earlier = min(off, 0)
    period = (NOW + earlier, NOW + 1800 + earlier)
    for hours in (1, 2, 4, 30):
        assert times(app) == [period]
        report(hours * 3600, 1200, 1800)
        report(hours * 3600, 0, 600)
    assert times(app) == [period]
    assert app.get(f"/api/stats/alert/?from={NOW - 7200}&to={NOW + 7200}").json["Error"] == 1


# -- peers


def at_once(app: TestApp, turns: int, *senders: Callable[[TestApp, int], object]) -> None:
    """Have all senders send at the same moment in each turn, from a thread and client each."""
    start = Barrier(len(senders))

    def run(send: Callable[[TestApp, int], object]) -> None:
        client = TestApp(app.app)
        for turn in range(turns):
            start.wait(timeout=60)
            send(client, turn)

    with ThreadPoolExecutor(len(senders)) as threads:
        for done in [threads.submit(run, send) for send in senders]:
            done.result(timeout=120)


def test_peers_that_send_the_same_alerts_at_once_make_each_once(either_receiving: Api) -> None:
    app = either_receiving(am={})
    alerts = [sent(str(n), 1200 + n, 300 if n % 3 else None) for n in range(40)]

    def ascending(client: TestApp, turn: int) -> None:
        tell(client, "am", webhook(*alerts[turn * 10 : (turn + 3) * 10]))

    def descending(client: TestApp, turn: int) -> None:
        tell(client, "am", webhook(*alerts[::-1][turn * 10 : (turn + 3) * 10]))

    at_once(app, 4, ascending, descending, ascending, descending)
    assert times(app) == sorted((NOW - 1200 - n, NOW - 300 if n % 3 else None) for n in range(40))


def test_concurrent_writers_of_alerts_do_not_deadlock(either_receiving: Api) -> None:
    """Posting and closing take the same locks, in the same order."""
    app = either_receiving(am={})
    urls = [post(app, f"x{number}").headers["Location"] for number in range(12)]
    at_once(
        app,
        12,
        lambda client, turn: post(client, f"t{turn}"),
        lambda client, turn: client.post(f"{urls[turn]}close/"),
        lambda client, turn: tell(client, "am", webhook(sent(str(turn)))),
    )
    assert len(listed(app, "opened=true&limit=1000")) == 24


def test_of_concurrent_posts_with_one_cause_one_opens_the_alert(either_receiving: Api) -> None:
    app = either_receiving(am={})
    statuses: list[int] = []
    send = lambda client, _: statuses.append(post(client, "t").status_int)  # noqa: E731
    at_once(app, 1, send, send, send, send)
    assert sorted(statuses) == [200, 200, 200, 201]
    assert len(listed(app)) == 1


def post(app: TestApp, alert_type: str) -> Any:
    body = {"severity": "Error", "alert_type": alert_type, "message": ""}
    return app.post_json("/api/alerts/", body)


# -- the store


def refused(app: TestApp) -> None:
    """Tell of an alert, which cannot be stored now."""
    for name, body in (("am", webhook(sent())), ("telemetry", alarm())):
        answer = tell(app, name, body, 503)
        assert answer.json["errors"][0]["code"] == "openstats.store.unavailable"
        assert answer.headers["Retry-After"] == "10"


def received_once(app: TestApp) -> None:
    """Tell of it again, and again."""
    for _ in range(2):
        tell(app, "am", webhook(sent()))
        tell(app, "telemetry", alarm(), **BEARER, X_Openstack_Request_Id="req-1")
    assert sorted(entry["source"] for entry in listed(app)) == ["am", "telemetry"]


BOTH = sections(am={}, telemetry={"kind": "aodh"})


def test_a_request_refused_while_the_store_is_locked_counts_once_when_repeated(
    sqlite: Sqlite, tmp_path: Path, stores: Callable[[str], Store]
) -> None:
    with sqlite.store() as migrated:
        hasty = Store(str(migrated.url), waits=Waits(lock=0.05))
        app = TestApp(make_app(loaded(tmp_path / "c.conf", BOTH), hasty, clock=lambda: CLOCK))
        with closing(sqlite3.connect(str(migrated.url.database), isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            refused(app)
            other.execute("ROLLBACK")
        received_once(app)
        hasty.close()


def test_a_request_refused_while_the_store_is_down_counts_once_when_repeated(
    store: Store, tmp_path: Path, stores: Callable[[str], Store]
) -> None:
    known = loaded(tmp_path / "c.conf", BOTH)
    down = stores(f"postgresql+psycopg://me:secret@127.0.0.1:{free_port()}/openstats")
    refused(TestApp(make_app(known, down, clock=lambda: CLOCK)))
    received_once(TestApp(make_app(known, store, clock=lambda: CLOCK)))


def test_a_request_whose_connection_breaks_counts_once_when_repeated(
    postgres: object, server: Server, tmp_path: Path
) -> None:
    with postgres.store() as store:  # type: ignore[attr-defined]
        app = TestApp(make_app(loaded(tmp_path / "c.conf", BOTH), store, clock=lambda: CLOCK))
        url = store.url.set(drivername="postgresql").render_as_string(hide_password=False)
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE wait_event = 'advisory' "
            f"AND datname = '{store.url.database}'"
        )
        with psycopg.connect(url, autocommit=True) as other, ThreadPoolExecutor(1) as threads:
            other.execute("SELECT pg_advisory_lock(hashtext('alerts'))")
            telling = threads.submit(tell, app, "am", webhook(sent()), 503)
            wait_for("the receiver", lambda: other.execute(waiting).fetchone(), timeout=30)
            other.execute(f"SELECT pg_terminate_backend(pid) FROM ({waiting}) AS blocked")
            assert telling.result(timeout=60).status_int == 503
        received_once(app)


# -- sudden deaths


def test_a_receiver_that_is_killed_anywhere_counts_nothing_twice_and_loses_nothing(
    store: Store, tmp_path: Path
) -> None:
    file = tmp_path / "am.conf"
    known = loaded(file, sections(am={}))
    assert list(receivers(known)) == ["am"]
    app = TestApp(make_app(known, store, clock=lambda: CLOCK))
    number, killed = 0, True
    url = store.url.render_as_string(hide_password=False)
    with killing("tests.api.dying", url, str(file)) as killed_at:
        # Everything is stored, and whoever sent it does not know.
        assert killed_at(0)
        assert len(listed(app, "alert_type=0")) == 2
        while killed:
            number += 1
            killed = killed_at(number)
            assert len(listed(app, f"alert_type={number}")) == (0 if killed else 2)
    for resent in range(number + 1):
        tell(app, "am", document(resent))
        found = listed(app, f"alert_type={resent}")
        assert [entry["created_at"] for entry in found] == [NOW - 600] * 2
        assert {entry["closed_at"] for entry in found} == {None, NOW - 60}
    assert number > 8
    counted = app.get(f"/api/stats/alert/?to={CLOCK}").json
    assert counted["Error"] == 2 * (number + 1)
    assert app.get(URL).json["receivers"][0]["notices"] >= 2 * (number + 1)
