"""Intake: what a receiver was told becomes alerts in the store, piece by piece.

Each piece is a transaction of its own, so that many alerts at once keep nobody else from writing
for long. A piece that is stored again changes nothing: who sends again after a failure counts once.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from openstats.alerts import Bound, Episode, Notice
from openstats.api.alerts.notifications import Reader
from openstats.statistics import episodes as statistic
from openstats.storage.alerts import received, subjects
from openstats.storage.alerts.histories import History
from openstats.storage.alerts.received import Told
from openstats.storage.store import Database, Store

PIECE = 1000
"""Alerts that are stored in one transaction."""

PAUSE = 0.1
"""Seconds between two pieces. On SQLite a writer that waits looks again after that time at most."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """A receiver while it takes in a request that arrived at ``now``; ``options`` are its own."""

    name: str
    options: Any
    bound: Bound
    alerts: Any
    now: int

    @property
    def _reader(self) -> Reader:
        return Reader(self.alerts)

    def take(self, store: Store, notices: Sequence[Notice], *, truncated: int) -> None:
        """Store all notifications; those of one alert are in one piece, in the order of time."""
        pieces = list(_pieces(notices))
        for number, piece in enumerate(pieces, 1):
            with store.transaction() as db:
                self._store(db, piece)
                if number == len(pieces):
                    # Counted once all of it is stored: what was cut off in between is sent again.
                    counted = {"notices": len(notices), "truncated": truncated}
                    received.note(db, self.name, self.now, **counted)
            if number < len(pieces) and store.embedded:
                time.sleep(PAUSE)

    def _store(self, db: Database, notices: Sequence[Notice]) -> None:
        """Bring the alerts of these notifications up to date."""
        within = self.alerts.reopen_within
        known = received.known(db, self.name, notices, now=self.now, within=within)
        newest: dict[str, Notice] = {}
        for notice in notices:
            alert = known[notice.fingerprint]
            if changed := statistic.apply(alert, notice, self.now):
                alert[changed.start] = changed
            newest[notice.fingerprint] = notice
        histories = self._histories(db, list(newest.values()))
        told = [
            _told(notice, history, list(known[notice.fingerprint].values()), within)
            for notice, history in zip(newest.values(), histories, strict=True)
        ]
        visible = self.options.tenant_visible
        received.keep(db, self.name, told, visible=visible, now=self.now)

    def _histories(self, db: Database, notices: Sequence[Notice]) -> list[History]:
        if self.options.kind == "aodh":
            # It names nothing: whatever it tells is of whom it may speak for.
            return [subjects.of_bound(db, self.bound)] * len(notices)
        labelled = [self._reader.labelled(notice.labels) for notice in notices]
        return subjects.of_labels(db, self.bound, labelled)


def _told(notice: Notice, history: History, known: list[Episode], within: int) -> Told:
    """Return the alerts that episodes make; what moved once stays apart, whatever labels say."""
    moved = (part.since for episode in known for part in episode.stored if part.since)
    changes = sorted({*history.changes, *moved})
    return Told(notice, history, statistic.spells(known, within, changes), known)


def _pieces(notices: Sequence[Notice]) -> Iterator[list[Notice]]:
    """Yield pieces, at least one; an alert's notifications are never parted.

    Of what fires and is over in one request, it is over.
    """
    latest = {(one.fingerprint, one.start): one for one in sorted(notices, key=_order)}
    piece: list[Notice] = []
    for notice in latest.values():
        if len(piece) >= PIECE and notice.fingerprint != piece[-1].fingerprint:
            yield piece
            piece = []
        piece.append(notice)
    yield piece


def _order(notice: Notice) -> tuple[str, int, bool]:
    return notice.fingerprint, notice.started_at, notice.ended_at is not None
