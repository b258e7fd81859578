"""Alertmanagers that are asked: what none of them has any more is closed, and nothing else."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from openstats.collector.alertmanagers import WARM_UP, Alertmanagers
from openstats.statistics.fingerprint import fingerprint
from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.receiving import BEARER, URL, iso, loaded, sections, sent, webhook

NOW = 1_700_000_000
LABELS = {"alertname": "Silenced", "severity": "critical"}


class Peer:
    """The API of an Alertmanager; ``alerts`` are the labels of what fires, None: it answers 500."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, str]] | None = []
        self.started_at = NOW - WARM_UP
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.dumps(peer.answer(self.path)).encode()
                self.send_response(500 if peer.alerts is None else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> Any:
        if path == "/api/v2/status":
            return {"uptime": datetime.fromtimestamp(self.started_at, UTC).isoformat()}
        return [{"fingerprint": fingerprint(one), "labels": one} for one in self.alerts or ()]


@pytest.fixture
def peer() -> Iterator[Peer]:
    made = Peer()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


class Site:
    """A receiver with an Alertmanager, and a clock."""

    def __init__(self, store: Store, path: Path, *urls: str) -> None:
        self.now = NOW
        receiver = {"api_urls": ",".join(urls)}
        conf = loaded(path, sections(am=receiver, other={}))
        self.app = TestApp(make_app(conf, store, clock=lambda: self.now))
        self.asking = Alertmanagers(store, conf, lambda: self.now)

    def tell(self, labels: dict[str, str], name: str = "am", key: str = "") -> None:
        """Have the receiver told that an alert fires since NOW."""
        one = sent(key or fingerprint(labels)) | {"labels": labels, "startsAt": iso(NOW)}
        self.app.post_json(f"{URL}{name}/", webhook(one), headers=BEARER)

    def ask(self, after: int = 300) -> list[int | None]:
        """Ask the Alertmanagers, and give when alerts were closed."""
        self.now += after
        self.asking.poll()
        return [one["closed_at"] for one in self.app.get("/api/alerts/").json["alerts"]]


@pytest.fixture
def site(store: Store, tmp_path: Path, peer: Peer) -> Site:
    return Site(store, tmp_path / "c.conf", peer.url)


def test_alert_absent_twice_is_closed(site: Site, peer: Peer) -> None:
    site.tell(LABELS)
    peer.alerts = [LABELS]
    assert [site.ask(), site.ask()] == [[None], [None]]
    peer.alerts = []
    assert [site.ask(), site.ask()] == [[None], [site.now]]
    # It fires anew, with the start that it had.
    site.tell(LABELS)
    assert site.ask() == [None]


def test_alert_reported_between_two_polls_stays_open(site: Site) -> None:
    site.tell(LABELS)
    site.ask()
    site.tell(LABELS)
    assert site.ask() == [None]


def broken(peer: Peer) -> None:
    peer.alerts = None


def restarted(peer: Peer) -> None:
    peer.started_at = NOW + 300


@pytest.mark.parametrize("fault", [broken, restarted])
def test_an_unreadable_or_starting_alertmanager_closes_nothing(
    site: Site, peer: Peer, fault: Callable[[Peer], None]
) -> None:
    site.tell(LABELS)
    site.ask()
    fault(peer)
    assert [site.ask(), site.ask()] == [[None], [None]]
    peer.alerts, peer.started_at = [], NOW - WARM_UP
    assert [site.ask(), site.ask()] == [[None], [site.now]]


def test_all_alertmanagers_of_a_receiver_have_to_answer(
    store: Store, tmp_path: Path, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(store, tmp_path / "c.conf", peer.url, "http://me:secret@127.0.0.1:1")
    site.tell(LABELS)
    assert [site.ask(), site.ask()] == [[None], [None]]
    assert "receiver am: Alertmanager at 127.0.0.1:1: " in caplog.text
    assert "secret" not in caplog.text


def test_alerts_of_other_receivers_and_senders_are_not_compared(site: Site) -> None:
    site.tell(LABELS, "other")
    site.tell(LABELS, key="a relay's own")
    assert [site.ask(), site.ask()] == [[None, None], [None, None]]


def test_replicas_are_compared_as_they_are_counted(site: Site, peer: Peer) -> None:
    replica = LABELS | {"prometheus_replica": "a"}
    site.tell(replica)
    peer.alerts = [LABELS | {"prometheus_replica": "b"}]
    assert [site.ask(), site.ask()] == [[None], [None]]
