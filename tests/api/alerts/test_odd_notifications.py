"""Notifications as senders really send them: without dates, fingerprints or status, or twice."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from tests.api.receiving import Document, iso, listed, sent, tell, times, webhook
from tests.registry import NOW

Api = Callable[..., TestApp]
HOUR = 3600
NO_TIME = "0001-01-01T00:00:00Z"


def without(document: Document, *names: str) -> Document:
    return {name: value for name, value in document.items() if name not in names}


def test_alert_fired_again_with_the_same_start_is_reopened(either_receiving: Api) -> None:
    app = either_receiving([NOW], am={})
    for document in (sent("f", 600), sent("f", 600, 0)):
        tell(app, "am", webhook(document))
    assert times(app) == [(NOW - 600, NOW)]
    tell(app, "am", webhook(sent("f", 600)))
    assert times(app) == [(NOW - 600, None)]


def test_an_alert_ends_when_every_independent_alertmanager_has_resolved_it(
    either_receiving: Api,
) -> None:
    app = either_receiving(am={"independent": "true"}, cluster={})
    one, other = ({"externalURL": f"http://{name}"} for name in ("one", "other"))
    fires, over = sent("f", 600), sent("f", 600, 60)
    for name, closed in (("am", None), ("cluster", NOW - 60)):
        for document, peer in ((fires, one), (fires, other), (over, one)):
            tell(app, name, webhook(document, **peer))
        assert [e["closed_at"] for e in listed(app, f"source={name}")] == [closed]
    tell(app, "am", webhook(over, **other))
    assert times(app) == [(NOW - 600, NOW - 60)] * 2


@pytest.mark.parametrize("no_time", [NO_TIME, "1970-01-01T00:00:00Z"])
def test_an_alert_without_a_start_begins_when_it_arrives(receiving: Api, no_time: str) -> None:
    now = [NOW]
    app = receiving(now, am={})
    fires = sent("f") | {"startsAt": no_time}
    for after in (0, 60):
        now[0] = NOW + after
        tell(app, "am", webhook(fires))
    assert times(app) == [(NOW, None)]
    now[0] = NOW + 600
    tell(app, "am", webhook(fires | {"status": "resolved", "endsAt": no_time}))
    assert times(app) == [(NOW, NOW + 600)]
    now[0] = NOW + 600 + HOUR
    tell(app, "am", webhook(fires))
    assert times(app) == [(NOW, NOW + 600), (NOW + 600 + HOUR, None)]


STATUSES = [
    ({}, "firing", None),
    ({}, "resolved", NOW),
    ({"endsAt": NO_TIME}, "firing", None),
    ({"endsAt": iso(NOW - 60)}, "firing", NOW - 60),
    ({"endsAt": iso(NOW - 60)}, "resolved", NOW - 60),
    ({"endsAt": iso(NOW + HOUR)}, "firing", None),
    ({"endsAt": iso(NOW + HOUR)}, None, None),
]


@pytest.mark.parametrize(("more", "group", "closed"), STATUSES)
def test_without_a_status_the_end_and_the_group_decide(
    receiving: Api, more: Document, group: str, closed: int | None
) -> None:
    app = receiving([NOW], am={})
    tell(app, "am", webhook(without(sent("f"), "status", "endsAt") | more, status=group))
    assert times(app) == [(NOW - 600, closed)]


def test_a_missing_fingerprint_is_computed_as_alertmanager_does(receiving: Api) -> None:
    """Alertmanager 0.25 has this fingerprint for these labels."""
    app = receiving(am={})
    old = without(sent(), "fingerprint") | {"labels": {"alertname": "a", "severity": "page"}}
    tell(app, "am", webhook(old))
    tell(app, "am", webhook(old | {"labels": {"severity": "page", "alertname": "a"}}))
    tell(app, "am", webhook(old | {"fingerprint": "ed8c2826a0605a0b"}))
    assert len(listed(app)) == 1
    tell(app, "am", webhook(old | {"labels": {"severity": "page", "alertname": "b"}}))
    assert len(listed(app)) == 2


def test_an_alert_with_neither_fingerprint_nor_labels_is_refused(
    receiving: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    app = receiving(am={})
    bare = without(sent("f"), "fingerprint", "labels")
    tell(app, "am", webhook(bare, sent("g")))
    assert len(listed(app)) == 1
    assert (
        "receiver am: cannot be read: alert 'alert' with fingerprint None: alerts.0={"
        in caplog.text
    )
    tell(app, "am", webhook(bare), 400)


def of_replica(name: str, start: int, end: int | None = None, **labels: Any) -> Document:
    return sent(f"f{name}", start, end, prometheus_replica=name, **labels)


def test_replicas_of_one_prometheus_are_one_alert(either_receiving: Api) -> None:
    app = either_receiving(am={})
    tell(app, "am", webhook(of_replica("a", 600), of_replica("b", 590)))
    tell(app, "am", webhook(of_replica("b", 590, 60)))
    # One of them still says that it fires.
    assert times(app) == [(NOW - 600, None)]
    tell(app, "am", webhook(of_replica("a", 600, 50)))
    assert times(app) == [(NOW - 600, NOW - 50)]
    tell(app, "am", webhook(of_replica("a", 300, instance_id="other")))
    assert len(times(app)) == 2


def test_labels_of_replicas_are_configurable(receiving: Api) -> None:
    app = receiving(alerts={"replica_labels": "replica,monitor"}, am={})
    tell(app, "am", webhook(sent("a", replica="1"), sent("b", replica="2"), sent("c", monitor="x")))
    assert len(listed(app)) == 1
    tell(app, "am", webhook(of_replica("a", 600), of_replica("b", 590)))
    assert len(listed(app)) == 3
