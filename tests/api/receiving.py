"""Receivers: how they are configured, and what Alertmanager and Aodh send them."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from webtest import TestApp

from openstats import conf
from openstats.tokens import hash_token
from tests.registry import NOW

TOKEN, OTHER = "the-token-of-all-receivers", "the-token-of-another"
URL = "/api/alerts/receivers/"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
Document = dict[str, Any]
Sections = dict[str, dict[str, str]]


def sections(alerts: dict[str, str] | None = None, /, **receivers: dict[str, str]) -> Sections:
    """Give the groups of a configuration with receivers of one token, unless they say otherwise."""
    named = {"alerts": {"receivers": ",".join(receivers)} | (alerts or {})}
    own = {"token_hash": hash_token(TOKEN)}
    return named | {f"receiver:{name}": own | options for name, options in receivers.items()}


def loaded(path: Path, groups: Sections) -> Any:
    """Write a configuration, and load it."""
    lines = [
        line
        for name, options in groups.items()
        for line in (f"[{name}]", *(f"{key} = {value}" for key, value in options.items()))
    ]
    path.write_text("\n".join(lines) + "\n")
    return conf.load([str(path)])


def iso(at: float) -> str:
    """Write a time as Alertmanager does."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.123456789Z")


def sent(
    fingerprint: str = "f1", start: int = 600, end: int | None = None, **labels: str
) -> Document:
    """Make an alert of a webhook, which began and ended so many seconds before NOW."""
    return {
        "status": "firing" if end is None else "resolved",
        "fingerprint": fingerprint,
        "startsAt": iso(NOW - start),
        "endsAt": "0001-01-01T00:00:00Z" if end is None else iso(NOW - end),
        "labels": {"alertname": "HostDown", "severity": "critical"} | labels,
        "annotations": {"summary": f"{fingerprint} is down"},
        "generatorURL": "http://prometheus.example/graph",
    }


def webhook(*alerts: Any, **more: Any) -> Document:
    """Make a webhook of Alertmanager's; its own status says nothing of its alerts'."""
    return {
        "version": "4",
        "groupKey": '{}:{alertname="HostDown"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "openstats",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
    } | more


def alarm(current: str = "alarm", alarm_id: str = "a1", **more: Any) -> Document:
    """Make a notification of Aodh's."""
    return {
        "alarm_name": "cpu_high",
        "alarm_id": alarm_id,
        "severity": "critical",
        "previous": "ok",
        "current": current,
        "reason": "Transition to alarm due to 3 samples",
        "reason_data": {"type": "threshold"},
    } | more


def tell(app: TestApp, name: str, document: Document, /, status: Any = 204, **headers: Any) -> Any:
    """Send a receiver something, with its token unless headers say otherwise."""
    told = {n.replace("_", "-"): value for n, value in headers.items()}
    return app.post_json(f"{URL}{name}/", document, headers=told or BEARER, status=status)


def listed(app: TestApp, query: str = "", **headers: str) -> list[Document]:
    """Give the list of alerts."""
    told = {n.replace("_", "-"): value for n, value in headers.items()}
    found: list[Document] = app.get(f"/api/alerts/?{query}", headers=told).json["alerts"]
    return found


def times(app: TestApp) -> list[tuple[int, int | None]]:
    """Give when all alerts were created and closed, in order."""
    found = [(entry["created_at"], entry["closed_at"]) for entry in listed(app, "limit=1000")]
    return sorted(found, key=lambda pair: pair[0])
