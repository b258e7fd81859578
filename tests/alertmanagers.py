"""Alertmanagers as they decide what to send, told of one alert by one Prometheus, step by step.

What is modelled is what Alertmanager 0.25 does: an alert that Prometheus does not repeat is
resolved by itself; a group is flushed at an interval, one flush after another; and a peer sends
only what the log of notifications, which a cluster shares, does not hold. What openstats makes of
it does not live here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

TIMEOUT = 16
"""Steps after which an alert is resolved that Prometheus did not repeat: 4 minutes of 15 s."""

FLUSH = 20
"""Steps between two flushes: a group_interval of 5 minutes. A delivery takes less."""

Deliver = Callable[[str, int | None], None]
"""Told the sender, and the end of the alert; None while it fires."""


@dataclass
class Log:
    """What was last delivered successfully, by whichever peer."""

    firing: bool = False


@dataclass
class Peer:
    """One Alertmanager.

    ``phase`` is when it flushes first, ``cut`` are the steps at which Prometheus does not reach
    it, and ``delays`` is how many steps each of its deliveries takes; later ones take none.
    """

    name: str
    phase: int
    cut: frozenset[int]
    delays: Iterator[int]
    log: Log
    until: int | None = None
    flush_at: int = 0
    sending: tuple[int, int | None] | None = field(default=None)

    def hear(self, now: int, end: int | None) -> None:
        """Let Prometheus tell it of the alert, unless they are cut from one another."""
        if now in self.cut:
            return
        if end is None or now < end:
            self.until = now + TIMEOUT
        elif self.until is not None:
            self.until = end

    def step(self, now: int, deliver: Deliver) -> None:
        """Deliver what is under way, or flush."""
        if self.sending:
            arrival, ended_at = self.sending
            if now >= arrival:
                deliver(self.name, ended_at)
                self._delivered(ended_at)
        elif now >= max(self.phase, self.flush_at) and self.until is not None:
            self._flush(now)

    def _flush(self, now: int) -> None:
        self.flush_at = now + FLUSH
        ended_at = self.until if self.until is not None and self.until <= now else None
        if self.log.firing == (ended_at is None):
            # The log holds it already.
            self._forget(ended_at)
            return
        self.sending = now + next(self.delays, 0), ended_at

    def _delivered(self, ended_at: int | None) -> None:
        self.sending, self.log.firing = None, ended_at is None
        self._forget(ended_at)

    def _forget(self, ended_at: int | None) -> None:
        if ended_at is not None and self.until == ended_at:
            self.until = None


def run(peers: Sequence[Peer], end: int | None, steps: int, deliver: Callable[..., None]) -> None:
    """Let time pass: the alert fires from step 0 to ``end``, or for ever."""
    for now in range(steps):
        for peer in peers:
            peer.hear(now, end)
        for peer in peers:
            peer.step(now, lambda name, ended_at, now=now: deliver(now, name, ended_at))
