"""Polling of Alertmanagers: they do not notify of alerts that resolve while silenced.

An alert is closed when no Alertmanager of its receiver has it in two consecutive polls.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from threading import Thread
from typing import Any

from oslo_log import log

from openstats.clouds.services.alertmanager import read_firing
from openstats.collector.error_log import attempt
from openstats.conf.alerts import receivers
from openstats.errors import CloudError
from openstats.statistics.fingerprint import common_fingerprint
from openstats.storage.alerts.closing import close_absent, firing_fingerprints
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

FINGERPRINT = re.compile("[0-9a-f]{16}")
"""The format of Alertmanager's fingerprints."""

WARM = 900
"""Seconds after its start until an Alertmanager is expected to know all firing alerts."""


class Alertmanagers:
    """Polls the Alertmanagers of all receivers with ``api_urls``, one after another.

    ``clock`` returns Unix seconds.
    """

    def __init__(self, store: Store, conf: Any, clock: Callable[[], float]) -> None:
        self._store, self._alerts, self._clock = store, conf.alerts, clock
        self._receivers = {
            name: list(options.api_urls)
            for name, options in receivers(conf).items()
            if options.api_urls
        }
        self._absent: Mapping[str, tuple[int, frozenset[str]]] = {}
        self._asked_at = 0.0
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start a poll in a separate thread if one is due and none is running."""
        due = abs(self._clock() - self._asked_at) >= self._alerts.api_interval
        if self._receivers and due and not (self._thread and self._thread.is_alive()):
            self._asked_at = self._clock()
            self._thread = Thread(target=self.ask, name="alertmanagers", daemon=True)
            self._thread.start()

    def ask(self) -> None:
        """Poll all Alertmanagers; close the alerts that are firing in none of them any more.

        Errors are logged, not raised.
        """
        for name, urls in self._receivers.items():
            attempt(f"Alertmanagers of {name}", partial(self._ask, name, urls))

    def _ask(self, name: str, urls: list[str]) -> None:
        now, last_answer = int(self._clock()), self._absent.get(name)
        self._absent = {key: value for key, value in self._absent.items() if key != name}
        try:
            firing_there = self._firing(urls, now)
        except CloudError as error:
            LOG.warning("receiver %s: %s", name, error)
            return
        if firing_there is None:
            return
        with self._store.transaction() as db:
            # Other fingerprints come from senders that compute their own.
            comparable = filter(FINGERPRINT.fullmatch, firing_fingerprints(db, name))
            absent = frozenset(comparable) - firing_there
            if last_answer:
                asked_at, absent_then = last_answer
                absent_twice = absent & absent_then
                closed = close_absent(db, name, absent_twice, reported_before=asked_at, now=now)
                if closed:
                    LOG.info("receiver %s: closed %d alerts that fire no more", name, closed)
        self._absent = {**self._absent, name: (now, absent)}

    def _firing(self, urls: list[str], now: int) -> frozenset[str] | None:
        """Return the fingerprints that fire in any Alertmanager; None while one is starting.

        Raises:
            CloudError: an Alertmanager cannot be read.
        """
        answers = [read_firing(url) for url in urls]
        if any(now - answer.started_at < WARM for answer in answers):
            return None
        replicas = frozenset(self._alerts.replica_labels)
        fingerprints = set()
        for answer in answers:
            for fingerprint, labels in answer.labels.items():
                fingerprints.add(common_fingerprint(labels, fingerprint, replicas))
        return frozenset(fingerprints)
