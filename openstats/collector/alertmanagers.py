"""Polling of Alertmanagers: they do not notify of alerts that resolve while silenced.

An alert is closed when no Alertmanager of its receiver has it in two consecutive polls.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from threading import Thread

from oslo_config import cfg
from oslo_log import log

from openstats.clouds.services.alertmanager import read_firing
from openstats.collector.error_log import logged_errors
from openstats.conf.alerts import AlertOptions, receivers
from openstats.errors import CloudError
from openstats.statistics.fingerprint import common_fingerprint
from openstats.storage.alerts.closing import close_absent, firing_fingerprints
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

FINGERPRINT = re.compile("[0-9a-f]{16}")
"""The format of Alertmanager's fingerprints."""

WARM_UP = 900
"""Seconds after its start until an Alertmanager is expected to know all firing alerts."""


@dataclass(frozen=True, slots=True)
class LastPoll:
    """When the Alertmanagers of a receiver were polled, and the alerts that none of them had."""

    at: int
    absent: frozenset[str]


class Alertmanagers:
    """Polls the Alertmanagers of all receivers with ``api_urls``, one after another.

    ``clock`` returns Unix seconds.
    """

    def __init__(self, store: Store, conf: cfg.ConfigOpts, clock: Callable[[], float]) -> None:
        self._store, self._clock = store, clock
        self._options: AlertOptions = conf.alerts
        urls = {name: options.api_urls for name, options in receivers(conf).items()}
        self._urls = {name: receiver_urls for name, receiver_urls in urls.items() if receiver_urls}
        self._last_polls: dict[str, LastPoll] = {}
        self._started_at = 0.0
        self._thread: Thread | None = None

    def start(self) -> None:
        """Start a poll in a separate thread if one is due and none is running."""
        due = abs(self._clock() - self._started_at) >= self._options.api_interval
        if self._urls and due and not (self._thread and self._thread.is_alive()):
            self._started_at = self._clock()
            self._thread = Thread(target=self.poll, name="alertmanagers", daemon=True)
            self._thread.start()

    def poll(self) -> None:
        """Poll all Alertmanagers; close the alerts that are firing in none of them any more.

        Errors are logged, not raised.
        """
        for name, urls in self._urls.items():
            with logged_errors(f"Alertmanagers of {name}"):
                self._poll(name, urls)

    def _poll(self, name: str, urls: Iterable[str]) -> None:
        now, last_poll = int(self._clock()), self._last_polls.pop(name, None)
        try:
            firing = self._firing(urls, now)
        except CloudError as error:
            LOG.warning("receiver %s: %s", name, error)
            return
        if firing is None:
            return
        with self._store.transaction() as db:
            # Other fingerprints come from senders that compute their own.
            comparable = filter(FINGERPRINT.fullmatch, firing_fingerprints(db, name))
            absent = frozenset(comparable) - firing
            if last_poll:
                absent_twice = absent & last_poll.absent
                closed = close_absent(db, name, absent_twice, reported_before=last_poll.at, now=now)
                if closed:
                    LOG.info("receiver %s: closed %d alerts that fire no more", name, closed)
        self._last_polls[name] = LastPoll(now, absent)

    def _firing(self, urls: Iterable[str], now: int) -> frozenset[str] | None:
        """Return the fingerprints that fire in any Alertmanager; None while one is starting.

        Raises:
            CloudError: an Alertmanager cannot be read.
        """
        answers = [read_firing(url) for url in urls]
        if any(now - answer.started_at < WARM_UP for answer in answers):
            return None
        replicas = frozenset(self._options.replica_labels)
        fingerprints = set()
        for answer in answers:
            for fingerprint, labels in answer.labels.items():
                fingerprints.add(common_fingerprint(labels, fingerprint, replicas))
        return frozenset(fingerprints)
