"""Alertmanager and Prometheus that are cut from one another, or slower than their peers.

What fires stays open, and what is over is closed. No cloud has a part in it.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from openstats.clouds.services.alertmanager import read_firing
from openstats.statistics.fingerprint import fingerprint
from tests.devcloud.process import wait_for
from tests.edge import Delay, Edge
from tests.functional.alerting import TOKEN, URL, Exporter, Service, serving
from tests.peers import Alertmanager, Prometheus

RULE = {"alert": "DiskFillsUp", "expr": "disk_used_percent > 90"}
ONCE = "4h"
LATE = 4.0


@pytest.fixture
def service(edge: Edge, tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, edge) as running:
        yield running


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def alert(labels: dict[str, str], start: datetime, end: datetime | None = None) -> dict[str, Any]:
    """Make an alert as Prometheus sends it."""
    ends = {"endsAt": end.isoformat()} if end else {}
    return {"labels": labels, "startsAt": start.isoformat()} | ends


def test_firing_alert_is_reopened_after_an_outage_of_prometheus(
    service: Service, tmp_path: Path
) -> None:
    to = service.url + URL, TOKEN
    peer = Alertmanager(made(tmp_path / "alertmanager"), *to, repeat_interval=ONCE)
    with peer, Exporter() as exporter:
        exporter.series["disk_used_percent"] = 97
        config = Prometheus.scraping(exporter.target, peer)
        with Prometheus(made(tmp_path / "prometheus"), config, [RULE]) as prometheus:
            wait_for("the alert", lambda: service.alerts(opened="true"))
            (before,) = service.alerts()
            with prometheus.paused():
                wait_for("its end", lambda: service.alerts(opened="false"))
            wait_for("the alert, again", lambda: service.alerts(opened="true"))
            assert service.alerts() == [before]
            exporter.series["disk_used_percent"] = 12
            wait_for("its end, again", lambda: service.alerts(opened="false"))
    (over,) = service.alerts()
    assert over | {"closed_at": None} == before
    assert service.counted() == 1


def test_the_slower_of_two_alertmanagers_opens_nothing_for_long(
    service: Service, edge: Edge, tmp_path: Path
) -> None:
    to, labels = (service.url + URL, TOKEN), {"alertname": "Late", "instance": "é"}
    start = datetime.now(UTC) - timedelta(minutes=5)
    rule = edge.rule(URL, Delay(LATE))
    quick = Alertmanager(made(tmp_path / "quick"), *to, repeat_interval=ONCE)
    slow = Alertmanager(made(tmp_path / "slow"), *to, repeat_interval=ONCE, proxy=edge.url)
    with quick, slow:
        for peer in (quick, slow):
            peer.post([alert(labels, start)])
        wait_for("the alert", lambda: service.alerts(opened="true"))
        (known,) = quick.ask("GET", "/api/v2/alerts")
        assert known["fingerprint"] == fingerprint(labels)
        assert read_firing(quick.url).labels == {fingerprint(labels): labels}
        wait_for("the slower one", lambda: rule.hits)
        end = datetime.now(UTC)
        for peer in (quick, slow):
            peer.post([alert(labels, start, end)])
        wait_for("its end", lambda: service.alerts(opened="false"))
        wait_for("the slower one's end", lambda: slow.sent() >= 2)
        wait_for("its end, again", lambda: service.alerts(opened="false"))
    (over,) = service.alerts()
    assert over["closed_at"] == int(end.timestamp())
    assert service.counted() == 1
