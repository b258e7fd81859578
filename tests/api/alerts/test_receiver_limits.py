"""Receivers under too much, and what they refuse: bounded, taken in pieces, logged and counted."""

import json
import logging
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from openstats.api.alerts.refusals import MINUTE, Refusals
from openstats.services import alerts
from openstats.storage.store import Store
from openstats.storage.waits import Waits
from openstats.wsgi.app import make_app
from tests.api.receiving import BEARER, TOKEN, URL, Document, loaded, sections, sent, tell, webhook
from tests.api.world import CLOCK
from tests.conftest import Sqlite
from tests.registry import NOW

Api = Callable[..., TestApp]
JSON = BEARER | {"Content-Type": "application/json"}


def many(number: int, end: int | None = None) -> Document:
    return webhook(*(sent(str(n), 600, end) for n in range(number)))


def counted(app: TestApp) -> dict[str, int]:
    """Give how many alerts there are, and are open."""
    found = {
        name: sum(app.get(f"/api/stats/alert/?to={CLOCK + 1}{query}").json.values())
        for name, query in (("all", ""), ("open", "&opened=true"))
    }
    return found | {"received": app.get(URL).json["receivers"][0]["notices"]}


# -- batches


def test_many_alerts_are_stored_in_batches(
    either_receiving: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "BATCH_SIZE", 10)
    monkeypatch.setattr(alerts, "BATCH_PAUSE", 0)
    app = either_receiving(am={})
    for _ in range(2):
        tell(app, "am", many(35))
    tell(app, "am", many(35, 60))
    assert counted(app) == {"all": 35, "open": 0, "received": 105}


def test_a_repeated_request_counts_once_after_a_failed_batch(
    sqlite: Sqlite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else locks the store after the first batch."""
    monkeypatch.setattr(alerts, "BATCH_SIZE", 10)
    with sqlite.store() as migrated:
        hasty = Store(str(migrated.url), waits=Waits(lock=0.01))
        app = TestApp(make_app(loaded(tmp_path / "c.conf", sections(am={})), hasty, lambda: CLOCK))
        with closing(sqlite3.connect(str(migrated.url.database), isolation_level=None)) as other:
            lock = lambda _: other.execute("BEGIN IMMEDIATE")  # noqa: E731
            monkeypatch.setattr(alerts.time, "sleep", lock)
            tell(app, "am", many(35), 503)
            other.execute("ROLLBACK")
        assert counted(app) == {"all": 10, "open": 10, "received": 0}
        monkeypatch.setattr(alerts.time, "sleep", lambda _: None)
        tell(app, "am", many(35))
        assert counted(app) == {"all": 35, "open": 35, "received": 35}
        hasty.close()


# -- bounds


BOMBS = {
    "alerts": json.dumps(many(8)).encode(),
    "objects": b'{"alerts": [' + b"{}," * 200 + b"{}]}",
    "lists": b'{"alerts": [], "x": [' + b"[]," * 200 + b"[]]}",
    "depth": b'{"alerts": [], "x": ' + b'{"y":[' * 9 + b"]}" * 9 + b"}",
    "labels": json.dumps(webhook(sent() | {"labels": {"a": [[[[[["deep"]]]]]]}})).encode(),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_body_beyond_a_limit_is_refused(receiving: Api, bomb: str) -> None:
    app = receiving(alerts={"max_alerts": "7", "max_nesting": "8"}, am={})
    refused = app.post(f"{URL}am/", BOMBS[bomb], headers=JSON, status=413)
    assert refused.json["errors"][0]["code"] == "openstats.body.too_large"
    tell(app, "am", many(7))


def test_seventy_thousand_alerts_are_refused_at_once(receiving: Api) -> None:
    alert = {"status": "firing", "fingerprint": "f", "startsAt": "2023-11-14T22:13:20Z"}
    app = receiving(am={})
    tell(app, "am", {"alerts": [alert] * 70_000}, 413)
    assert "max_alerts" in app.get(URL).json["receivers"][0]["refusal"]


# -- what is refused


REFUSED: list[tuple[Any, dict[str, str], int]] = [
    (many(1), {"Authorization": "Bearer wrong"}, 401),
    ({"alerts": None}, BEARER, 400),
    ({"alerts": [{}] * 9}, BEARER, 413),
]


@pytest.mark.parametrize(("document", "headers", "status"), REFUSED)
def test_refusals_are_counted_and_logged_once_a_minute(
    receiving: Api,
    caplog: pytest.LogCaptureFixture,
    document: Any,
    headers: dict[str, str],
    status: int,
) -> None:
    caplog.set_level(logging.WARNING)
    app = receiving([NOW], alerts={"max_alerts": "8"}, am={}, other={})
    for _ in range(3):
        tell(app, "am", document, status, **headers)
    am, other = app.get(URL).json["receivers"]
    assert (am["refused"], am["refused_at"], am["refusal"][:4]) == (3, NOW, f"{status}:")
    assert (other["refused"], other["refusal"]) == (0, None)
    assert caplog.text.count("1 notification was refused, sent to receiver am: ") == 1
    assert TOKEN not in caplog.text
    tell(app, "am", many(1))
    assert app.get(URL).json["receivers"][0]["refused"] == 3


def test_refusals_of_unknown_receivers_are_counted_together(
    receiving: Api, caplog: pytest.LogCaptureFixture
) -> None:
    app = receiving([NOW], am={})
    for number in range(3):
        tell(app, f"nobody{number}", many(1), 401)
    assert app.get(URL).json["unknown"] == {"refused": 3, "refused_at": NOW}
    assert caplog.text.count("was refused, sent to unknown receivers: ") == 1
    assert "nobody" not in caplog.text


def test_refusals_reach_the_store_once_a_minute(store: Store, tmp_path: Path) -> None:
    uptime = [0.0]
    refusals = Refusals(store, ["am"], lambda: NOW, lambda: uptime[0])
    for number in range(5):
        uptime[0] = number * MINUTE / 2
        refusals.add("am", 401, "why")
    assert refusals.pending() == {}
    app = TestApp(make_app(loaded(tmp_path / "c.conf", sections(am={})), store))
    assert app.get(URL).json["receivers"][0]["refused"] == 5
