"""Alerts of a real Prometheus come through a real Alertmanager, and are counted once.

Whatever happens on the way: peers that both send, restarts, a service that is down or whose store
does not take anything, and one that is killed in the middle of it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from sqlite3 import connect
from typing import Any

import pytest

from tests.devcloud import Cloud
from tests.devcloud.process import wait_for
from tests.edge import Edge
from tests.functional.alerting import (
    TOKEN,
    URL,
    Exporter,
    Service,
    broken,
    discovered,
    serving,
    tenants,
)
from tests.peers import Alertmanager, Prometheus

NAME, MESSAGE = "DiskFillsUp", "It is nearly full."
RULE = {
    "alert": NAME,
    "expr": "disk_used_percent > 90",
    "labels": {"severity": "critical"},
    "annotations": {"summary": MESSAGE},
}
MANY = 1000
SOME = 150
FOUR_KILLS = 4


@pytest.fixture(scope="module")
def store(clouds: dict[str, Cloud], tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Edge() as edge:
        return discovered(tmp_path_factory.mktemp("alerts"), edge, clouds["current"])


@pytest.fixture
def service(store: Path, edge: Edge, tmp_path: Path) -> Iterator[Service]:
    with serving(tmp_path, edge, store) as running:
        yield running


@pytest.fixture
def alertmanager(service: Service, tmp_path: Path) -> Iterator[Alertmanager]:
    with Alertmanager(made(tmp_path / "alertmanager"), service.url + URL, TOKEN) as peer:
        yield peer


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory


@contextmanager
def firing(
    service: Service, home: Path, *peers: Alertmanager
) -> Iterator[tuple[dict[str, Any], Exporter, str]]:
    """Have a rule fire on a tenant's series; give the tenant, the exporter and the series."""
    of = tenants(service.system.database)[0]
    series = f'disk_used_percent{{project_id="{of["id"]}",cloud="current"}}'
    with Exporter() as exporter:
        exporter.series[series] = 97
        config = Prometheus.scraping(exporter.target, *peers)
        with Prometheus(made(home / "prometheus"), config, [RULE]):
            yield of, exporter, series


def opened(service: Service) -> dict[str, Any]:
    """Wait for the one alert, and give it."""
    wait_for("the alert", lambda: service.alerts(opened="true"))
    (alert,) = service.alerts()
    return alert


def closes(service: Service, before: dict[str, Any]) -> None:
    """Wait until an alert is closed, and there is no other."""
    wait_for("its end", lambda: not service.alerts(opened="true"))
    (alert,) = service.alerts()
    assert alert["closed_at"] >= alert["created_at"]
    assert alert | {"closed_at": None} == before
    assert (service.counted(), service.counted(opened="true")) == (1, 0)


def test_a_rule_fires_and_its_customer_has_an_alert_until_the_series_falls(
    service: Service, alertmanager: Alertmanager, tmp_path: Path
) -> None:
    with firing(service, tmp_path, alertmanager) as (of, exporter, series):
        alert = opened(service)
        assert service.by_customer() == {of["customer"]: {"Error": 1}}
        told = {name: alert[name] for name in ("alert_type", "message", "scope", "severity")}
        assert told == {
            "alert_type": NAME,
            "message": MESSAGE,
            "scope": {"tenant": of["uuid"]},
            "severity": "Error",
        }
        exporter.series[series] = 12
        closes(service, alert)
        assert service.by_customer() == {of["customer"]: {"Error": 1}}


def test_two_peers_that_send_the_same_alert_make_one(service: Service, tmp_path: Path) -> None:
    to = service.url + URL, TOKEN
    with ExitStack() as stack:
        first = stack.enter_context(Alertmanager(made(tmp_path / "1"), *to, clustered=True))
        second = stack.enter_context(Alertmanager(made(tmp_path / "2"), *to, neighbour=first))
        wait_for("the cluster", lambda: first.peers() == second.peers() == 2)
        _, exporter, series = stack.enter_context(firing(service, tmp_path, first, second))
        wait_for("both", lambda: first.sent() and second.sent())
        alert = opened(service)
        exporter.series[series] = 12
        closes(service, alert)


def test_a_restarted_alertmanager_makes_no_new_alert(
    service: Service, alertmanager: Alertmanager, tmp_path: Path
) -> None:
    with firing(service, tmp_path, alertmanager) as (_, exporter, series):
        alert = opened(service)
        alertmanager.stop()
        alertmanager.run()
        wait_for("its repetition", alertmanager.sent)
        assert service.alerts() == [alert]
        exporter.series[series] = 12
        closes(service, alert)


@contextmanager
def down(service: Service) -> Iterator[None]:
    service.kill()
    yield
    service.up()


@contextmanager
def locked(service: Service) -> Iterator[None]:
    """Alertmanager gives up before openstats does, so that what it sent is yet stored."""
    with closing(connect(service.system.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@pytest.mark.parametrize("fault", [down, locked, broken])
def test_alerts_fired_during_an_outage_arrive_once(
    service: Service,
    alertmanager: Alertmanager,
    tmp_path: Path,
    fault: Callable[[Service], AbstractContextManager[None]],
) -> None:
    with ExitStack() as stack:
        with fault(service):
            _, exporter, series = stack.enter_context(firing(service, tmp_path, alertmanager))
            wait_for("a failure", lambda: alertmanager.sent(failed=True))
        alert = opened(service)
        exporter.series[series] = 12
        closes(service, alert)


def alerts(number: int, of: dict[str, Any], **more: str) -> list[dict[str, Any]]:
    """Make alerts as Prometheus sends them."""
    return [
        {
            "labels": {"alertname": f"Alert{n}", "project_id": of["id"], "shard": "1"},
            "annotations": {"summary": "x" * 200},
            **more,
        }
        for n in range(number)
    ]


def now() -> str:
    return datetime.now(UTC).isoformat()


def ids(service: Service) -> Counter[str]:
    return Counter(alert["alert_type"] for alert in service.alerts())


def test_killed_service_loses_and_doubles_no_alert(service: Service, tmp_path: Path) -> None:
    of = tenants(service.system.database)[0]
    each = Alertmanager(made(tmp_path / "each"), service.url + URL, TOKEN, group_by=["..."])
    with each:
        each.post(alerts(SOME, of, startsAt=now()))
        for kill in range(FOUR_KILLS):
            already = kill * SOME // FOUR_KILLS
            wait_for("some", lambda already=already: len(service.alerts()) > already)
            service.kill()
            service.up()
        wait_for("all", lambda: len(service.alerts()) >= SOME)
        assert set(ids(service).values()) == {1}
        each.post(alerts(SOME, of, endsAt=now()))
        wait_for("their ends", lambda: not service.alerts(opened="true"))
    assert (len(ids(service)), service.counted()) == (SOME, SOME)
    assert service.by_customer() == {of["customer"]: {"Warning": SOME}}


def test_a_thousand_alerts_sent_twice_are_a_thousand(service: Service, tmp_path: Path) -> None:
    of, start = tenants(service.system.database)[0], now()
    together = Alertmanager(
        made(tmp_path / "together"), service.url + URL, TOKEN, group_by=["shard"]
    )

    def notices() -> int:
        return service.api.call("GET", "/api/alerts/receivers/")[1]["receivers"][0]["notices"]

    with together:
        together.post(alerts(MANY, of, startsAt=start))
        wait_for("all", lambda: notices() >= MANY)
        together.post(alerts(MANY, of, startsAt=start))
        together.amtool("alert", "add", "Alert0", f"project_id={of['id']}", "shard=1")
        known = notices()
        wait_for("all again", lambda: notices() >= known + MANY)
        assert set(ids(service).values()) == {1}
        assert service.counted() == MANY
        together.post(alerts(MANY, of, endsAt=now()))
        wait_for("their ends", lambda: not service.alerts(opened="true"))
    assert (len(ids(service)), service.counted()) == (MANY, MANY)
