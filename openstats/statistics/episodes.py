"""Episodes: what receivers are told of an alert becomes alerts that are open, or over.

The rule is written down in docs/alerts.rst. It follows what Alertmanager believes of a receiver:
the peers of a cluster keep one log of what was last delivered, and send nothing that this log
holds. So the last notification that arrives decides, and what is ignored here is not sent again.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from openstats.alerts import Episode, Notice, Spell

WAITING = 60
"""Seconds that a request waits for the store at most, so that a later one is stored before it."""

MOST_VOICES = 16
"""Senders that are told apart for one alert; an installation has two or three."""


def apply(known: Mapping[str, Episode], notice: Notice, now: int) -> Episode | None:
    """Return the episode that a notification is about, as it is since; None: nothing changes.

    ``known`` are the alert's episodes by start, ``now`` is when the notification arrived. No clock
    but ours can be ahead.
    """
    before = _meant(known, notice)
    if before is None:
        return None if notice.vague and notice.ended_at is not None else _begun(notice, now)
    if _overtaken(before, now) or (notice.vague and before.ended_at is not None):
        return None
    return _fires(before, notice, now) if notice.ended_at is None else _ends(before, notice, now)


def _begun(notice: Notice, now: int) -> Episode:
    episode = Episode(notice.start, min(notice.started_at, now))
    return _fires(episode, notice, now) if notice.ended_at is None else _ends(episode, notice, now)


def _meant(known: Mapping[str, Episode], notice: Notice) -> Episode | None:
    exact = known.get(notice.start)
    if exact or not notice.vague:
        return exact
    open_ones = (episode for episode in known.values() if episode.ended_at is None)
    return max(open_ones, key=_order, default=None)


def _overtaken(episode: Episode, now: int) -> bool:
    """Return whether a later notification is stored already; a clock set back overtakes nobody."""
    return episode.heard_at is not None and 0 < episode.heard_at - now <= WAITING


def _fires(episode: Episode, notice: Notice, now: int) -> Episode:
    """Return an episode that a sender says is under way, whatever anybody said before."""
    voices = episode.voices if episode.ended_at is None else frozenset[str]()
    heard = frozenset(sorted(voices | {notice.sender})[:MOST_VOICES])
    return replace(episode, ended_at=None, heard_at=now, voices=heard)


def _ends(episode: Episode, notice: Notice, now: int) -> Episode:
    """Return an episode whose end a sender tells: the first end stands, until it fires again."""
    voices = episode.voices - {notice.sender}
    told_before = episode.ended_at is not None and episode.heard_at is not None
    if voices or told_before:
        return replace(episode, heard_at=now, voices=voices)
    ended_at = max(episode.started_at, min(notice.ended_at or now, now))
    return replace(episode, ended_at=ended_at, heard_at=now)


def spells(episodes: Iterable[Episode], within: int) -> list[Spell]:
    """Join episodes of one alert between which at most ``within`` seconds lie.

    A row that an earlier spell has is not a later one's, should one ever fall apart.
    """
    taken: set[int] = set()
    made = []
    for joined, ended_at in _joined(sorted(episodes, key=_order), within):
        rows = sorted({e.alert for e in joined if e.alert is not None} - taken)
        taken.update(rows)
        alert = rows[0] if rows else None
        started_at, merged = joined[0].started_at, tuple(rows[1:])
        made.append(Spell(started_at, ended_at, tuple(joined), alert, merged))
    return made


def _order(episode: Episode) -> tuple[int, bool, str]:
    """Of those that began in one second, what is not over is the latest."""
    return episode.started_at, episode.ended_at is None, episode.start


def _joined(ordered: list[Episode], within: int) -> Iterator[tuple[list[Episode], int | None]]:
    """Yield episodes that follow one another closely, and when the last of them was over."""
    joined: list[Episode] = []
    last: int | None = 0
    for episode, ended_at in zip(ordered, _ends_of(ordered), strict=True):
        if joined and last is not None and episode.started_at - last > within:
            yield joined, last
            joined = []
        last = ended_at if not joined else _later(last, ended_at)
        joined.append(episode)
    if joined:
        yield joined, last


def _later(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else max(one, other)


def _ends_of(ordered: list[Episode]) -> list[int | None]:
    """Return when each episode was over: by the time that the next of its strand began."""
    following: dict[str, int] = {}
    ends = []
    for episode in reversed(ordered):
        strand = strand_of(episode.start)
        next_start = following.get(strand)
        ends.append(next_start if episode.ended_at is None else episode.ended_at)
        following[strand] = episode.started_at
    return ends[::-1]


def strand(start: str, fingerprint: str) -> str:
    """Return the start of an episode of one of several that are counted as one alert.

    Each fires at its own times: another's new start does not mean that this one is over.
    """
    return f"{start} {fingerprint}"


def strand_of(start: str) -> str:
    """Return which of several it is; empty where there is but one."""
    return start.partition(" ")[2]
