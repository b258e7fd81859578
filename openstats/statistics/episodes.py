"""Episodes: what receivers are told of an alert becomes alerts that are open, or over.

The rule is written down in docs/alerts.rst. It follows what Alertmanager believes of a receiver:
the peers of a cluster keep one log of what was last delivered, and send nothing that this log
holds. So the last notification that arrives decides, and what is ignored here is not sent again.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from openstats.alerts import Episode, Notice, Spell, cut

Ended = tuple[Episode, int | None]
"""An episode, and when it was over, be it that nobody said so."""

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


def spells(episodes: Iterable[Episode], within: int, changes: Sequence[int] = ()) -> list[Spell]:
    """Join episodes of one alert between which at most ``within`` seconds lie, and no change.

    ``changes`` are when it became another owner's, in order: what is open then is cut in parts. A
    row that an earlier spell has is not a later one's, should one ever fall apart.
    """
    taken: set[int] = set()
    made = []
    ordered = sorted(episodes, key=_order)
    owned = _rows(ordered, changes)
    for place, parts in _cut(ordered, changes).items():
        for joined, ended_at in _joined(parts, within):
            rows = {row for part in joined for row in owned.get((place, part.start), ())} - taken
            taken.update(rows)
            alert = min(rows, default=None)
            made.append(Spell(joined[0].started_at, ended_at, tuple(joined), alert))
    return made


def _rows(ordered: Iterable[Episode], changes: Sequence[int]) -> dict[tuple[int, str], set[int]]:
    """Return in which alerts episodes are, by place between changes, and start."""
    rows: dict[tuple[int, str], set[int]] = defaultdict(set)
    for episode in ordered:
        for part in episode.stored:
            if part.alert is not None:
                rows[bisect_right(changes, part.started_at), episode.start].add(part.alert)
    return rows


def _cut(ordered: list[Episode], changes: Sequence[int]) -> dict[int, list[Ended]]:
    """Return the parts of episodes by place between changes, in order, and when each was over."""
    ended = zip(ordered, _ends_of(ordered), strict=True)
    if not changes:
        return {0: list(ended)}
    parts: dict[int, list[Ended]] = defaultdict(list)
    for episode, ended_at in ended:
        pieces = cut(episode.started_at, ended_at, changes)
        for number, (start, end) in enumerate(pieces, 1):
            since = 0 if number == 1 else start
            told = episode.ended_at if number == len(pieces) else end
            part = replace(episode, started_at=start, ended_at=told, since=since, parts=())
            parts[bisect_right(changes, start)].append((part, end))
    return dict(sorted(parts.items()))


def _order(episode: Episode) -> tuple[int, bool, str]:
    """Of those that began in one second, what is not over is the latest."""
    return episode.started_at, episode.ended_at is None, episode.start


def _joined(parts: list[Ended], within: int) -> Iterator[tuple[list[Episode], int | None]]:
    """Yield episodes that follow one another closely, and when the last of them was over."""
    joined: list[Episode] = []
    last: int | None = 0
    for episode, ended_at in parts:
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
