"""Episodes: what receivers are told of an alert, in whatever order, becomes spells."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from openstats.alerts import Episode, Notice, Spell


def told(known: Mapping[str, Episode], notice: Notice, now: int, late: int) -> Episode | None:
    """Give the episode that a notice is about, as it is since; None where nothing has changed.

    ``known`` are the alert's episodes by start. An end that was told stands: who says later that
    the alert fires is late, unless more than ``late`` seconds have passed. No clock but ours can
    be ahead.
    """
    before = _meant(known, notice)
    if before is None and notice.vague and notice.ended_at is not None:
        return None
    episode = before or Episode(notice.start, min(notice.started_at, now))
    if notice.ended_at is None:
        return _fires(episode, now, late) if before else episode
    if episode.heard_at is not None:
        return None
    ended_at = max(episode.started_at, min(notice.ended_at, now))
    return replace(episode, ended_at=ended_at, heard_at=now)


def _meant(known: Mapping[str, Episode], notice: Notice) -> Episode | None:
    exact = known.get(notice.start)
    if exact or not notice.vague:
        return exact
    return next((episode for episode in known.values() if episode.ended_at is None), None)


def _fires(episode: Episode, now: int, late: int) -> Episode | None:
    too_late = episode.heard_at is not None and now - episode.heard_at <= late
    if episode.ended_at is None or too_late:
        return None
    return replace(episode, ended_at=None, heard_at=None)


def spells(episodes: Iterable[Episode], within: int) -> list[Spell]:
    """Join episodes of one alert between which at most ``within`` seconds lie.

    A row that an earlier spell has is not a later one's, should one ever fall apart.
    """
    taken: set[int] = set()
    found = []
    for joined in _joined(sorted(episodes, key=_order), within):
        rows = sorted({e.alert for e in joined if e.alert is not None} - taken)
        taken.update(rows)
        found.append(_spell(joined, rows))
    return found


def _order(episode: Episode) -> tuple[int, bool, str]:
    """Of those that began in one second, what is not over is the latest."""
    return episode.started_at, episode.ended_at is None, episode.start


def _joined(ordered: Iterable[Episode], within: int) -> Iterator[list[Episode]]:
    joined: list[Episode] = []
    for episode in ordered:
        if joined and episode.started_at - _end(joined, episode.started_at) > within:
            yield joined
            joined = []
        joined.append(episode)
    if joined:
        yield joined


def _end(joined: Iterable[Episode], until: int) -> int:
    """Say when episodes were over; one that began anew at ``until`` ended then at the latest."""
    return max(until if e.ended_at is None else e.ended_at for e in joined)


def _spell(joined: list[Episode], rows: list[int]) -> Spell:
    last = joined[-1]
    ended_at = None if last.ended_at is None else _end(joined, last.started_at)
    alert = rows[0] if rows else None
    return Spell(joined[0].started_at, ended_at, tuple(joined), alert, tuple(rows[1:]))
