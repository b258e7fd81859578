"""Alertmanager's own API: what fires there, silenced or not. It takes no credentials.

What follows for alerts does not live here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import requests

from openstats.clouds.transport.adapter import AnswerError, CallLimits, mount
from openstats.clouds.transport.in_flight import InFlightRequests
from openstats.errors import CloudError

LIMITS = CallLimits(
    connect_seconds=5, read_seconds=10, answer_seconds=30, answer_mib=16, wait_seconds=0
)


@dataclass(frozen=True, slots=True)
class Firing:
    """The labels of alerts by their fingerprints, and since when the Alertmanager runs."""

    alerts: Mapping[str, Mapping[str, str]]
    started_at: int


def firing(url: str) -> Firing:
    """Return what fires at the Alertmanager of a URL.

    Raises:
        CloudError: it does not say so.
    """
    with requests.Session() as session:
        mount(session, LIMITS, InFlightRequests())
        # The configuration names it, whatever the environment says of proxies for clouds.
        session.trust_env = False
        try:
            status, alerts = _get(session, url, "status"), _get(session, url, "alerts")
            started_at = int(datetime.fromisoformat(status["uptime"]).timestamp())
            return Firing({one["fingerprint"]: dict(one["labels"]) for one in alerts}, started_at)
        except (requests.RequestException, AnswerError) as error:
            raise CloudError(f"Alertmanager at {_place(url)}: {error}") from error
        except (KeyError, TypeError, ValueError) as error:
            raise CloudError(
                f"Alertmanager at {_place(url)}: an answer that cannot be read: {error!r}; "
                "api_urls takes its URL, without /api/v2"
            ) from error


def _get(session: requests.Session, url: str, what: str) -> Any:
    answer = session.get(f"{url.rstrip('/')}/api/v2/{what}", timeout=LIMITS.timeouts)
    answer.raise_for_status()
    return answer.json()


def _place(url: str) -> str:
    """Return where an Alertmanager is, without what a URL may hold beside."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
