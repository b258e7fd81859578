"""Alertmanagers that are asked what fires: they do not report what was resolved while silenced.

An alert is closed only where every Alertmanager of its receiver lacks it twice in a row.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from threading import Thread
from typing import Any

from oslo_log import log

from openstats.clouds.services.alertmanager import read_firing
from openstats.collector.attempt import attempt
from openstats.conf.alerts import receivers
from openstats.errors import CloudError
from openstats.statistics.fingerprint import common_fingerprint
from openstats.storage.alerts.closing import close_absent, firing_fingerprints
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

FINGERPRINT = re.compile("[0-9a-f]{16}")
"""A fingerprint as Alertmanager makes it."""

WARM = 900
"""Seconds after its start before which an Alertmanager may not have heard of all that fires."""


class Alertmanagers:
    """Asks the Alertmanagers of all receivers with ``api_urls``, one after another.

    ``clock`` gives Unix seconds.
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
        """Ask in a thread of its own, if it is time to, and nobody is being asked."""
        due = abs(self._clock() - self._asked_at) >= self._alerts.api_interval
        if self._receivers and due and not (self._thread and self._thread.is_alive()):
            self._asked_at = self._clock()
            self._thread = Thread(target=self.ask, name="alertmanagers", daemon=True)
            self._thread.start()

    def ask(self) -> None:
        """Ask all of them, and close what none has any more."""
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
            # Others are of senders that have fingerprints of their own.
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
        """Return the fingerprints that fire anywhere; None where that is not known yet."""
        answers = [read_firing(url) for url in urls]
        if any(now - answer.started_at < WARM for answer in answers):
            return None
        replicas = frozenset(self._alerts.replica_labels)
        fingerprints = set()
        for answer in answers:
            for fingerprint, labels in answer.labels.items():
                fingerprints.add(common_fingerprint(labels, fingerprint, replicas))
        return frozenset(fingerprints)
