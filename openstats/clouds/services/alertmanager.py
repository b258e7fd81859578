"""Alertmanager's API: the firing alerts, silenced or not. The API needs no credentials.

Alerts of openstats are not changed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import requests

from openstats.clouds.json_documents import JsonValue
from openstats.clouds.transport.adapter import AnswerError, CallLimits, mount
from openstats.clouds.transport.in_flight import InFlightRequests
from openstats.errors import CloudError

LIMITS = CallLimits(
    connect_seconds=5, read_seconds=10, answer_seconds=30, answer_mib=16, wait_seconds=0
)


@dataclass(frozen=True, slots=True)
class FiringAlerts:
    """The labels of firing alerts by fingerprint; ``started_at`` is in Unix seconds."""

    labels: Mapping[str, Mapping[str, str]]
    started_at: int


def read_firing(url: str) -> FiringAlerts:
    """Return the alerts that are firing in the Alertmanager at a URL.

    Raises:
        CloudError: the Alertmanager does not answer, or its answer is malformed.
    """
    with requests.Session() as session:
        mount(session, LIMITS, InFlightRequests())
        # Ignore proxies of the environment, which are meant for clouds.
        session.trust_env = False
        try:
            status, alerts = _get(session, url, "status"), _get(session, url, "alerts")
            started_at = int(datetime.fromisoformat(status["uptime"]).timestamp())
            labels = {alert["fingerprint"]: dict(alert["labels"]) for alert in alerts}
        except (requests.RequestException, AnswerError) as error:
            raise CloudError(f"Alertmanager at {_address(url)}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise CloudError(
                f"Alertmanager at {_address(url)}: unreadable answer: {error!r}; "
                "api_urls must have its URL without /api/v2"
            ) from error
    return FiringAlerts(labels, started_at)


def _get(session: requests.Session, url: str, path: str) -> JsonValue:
    answer = session.get(f"{url.rstrip('/')}/api/v2/{path}", timeout=LIMITS.timeouts)
    answer.raise_for_status()
    return answer.json()


def _address(url: str) -> str:
    """Return the host and port of a URL, without its other parts, such as a password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
