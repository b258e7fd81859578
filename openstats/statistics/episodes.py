"""Episodes: turns the notifications about an alert into alerts that are open or resolved.

docs/alerts.rst states the rule. It follows from how Alertmanager works: the peers of a cluster
share a log of delivered notifications, and do not send again what is in the log. So the last
notification to arrive decides, and a notification that is ignored here is lost.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from openstats.alerts import AlertPeriod, Episode, Notification, Revision, split

MAX_WAIT = 60
"""Maximum seconds that a request may wait for the store while later requests overtake it."""

MAX_SENDERS = 16
"""Maximum number of senders that are distinguished for one alert; two or three are usual."""


class EpisodeEnd(NamedTuple):
    """An episode and its end, possibly derived from a later episode; None while it is open."""

    episode: Episode
    ended_at: int | None


def fold(
    stored: Mapping[str, Mapping[str, Episode]],
    notifications: Iterable[Notification],
    changes: Mapping[str, Sequence[int]],
    *,
    now: int,
    reopen_within: int,
) -> list[Revision]:
    """Apply notifications in order, and return the resulting alerts of each fingerprint.

    ``stored`` has the episodes so far, by fingerprint and start. ``changes`` are the times, in
    order, at which the subject of a fingerprint changed its owner. ``now`` is when the
    notifications arrived. ``reopen_within`` is that of ``join``.
    """
    latest: dict[str, Notification] = {}
    episodes: dict[str, dict[str, Episode]] = {}
    for notification in notifications:
        fingerprint = notification.fingerprint
        latest[fingerprint] = notification
        by_start = episodes.setdefault(fingerprint, dict(stored.get(fingerprint, {})))
        if episode := apply(by_start, notification, now):
            by_start[episode.start] = episode
    revisions = []
    for fingerprint, notification in latest.items():
        stored_episodes = tuple(stored.get(fingerprint, {}).values())
        owner_changes = sorted({*changes.get(fingerprint, ()), *_stored_changes(stored_episodes)})
        alerts = join(episodes[fingerprint].values(), reopen_within, owner_changes)
        revisions.append(Revision(notification, alerts, stored_episodes))
    return revisions


def _stored_changes(episodes: Iterable[Episode]) -> Iterator[int]:
    """Yield the changes of owner at which stored parts begin, so that they stay split."""
    for episode in episodes:
        for part in episode.stored_parts:
            if part.owner_since:
                yield part.owner_since


def apply(episodes: Mapping[str, Episode], notification: Notification, now: int) -> Episode | None:
    """Return the episode of a notification, updated by it; None if nothing changes.

    ``episodes`` are those of the alert, by start. ``now`` is when the notification arrived; later
    times of the sender, whose clock may be ahead, are reduced to it.
    """
    timeless = notification.timeless
    episode = _episode_of(episodes, notification)
    if episode is None:
        resolved = notification.ended_at is not None
        return None if timeless and resolved else _begin(notification, now)
    if _is_overtaken(episode, now) or (timeless and episode.ended_at is not None):
        return None
    return _update(episode, notification, now)


def _begin(notification: Notification, now: int) -> Episode:
    episode = Episode(notification.start, min(notification.started_at, now))
    return _update(episode, notification, now)


def _episode_of(episodes: Mapping[str, Episode], notification: Notification) -> Episode | None:
    episode = episodes.get(notification.start)
    if episode or not notification.timeless:
        return episode
    open_ones = (episode for episode in episodes.values() if episode.ended_at is None)
    return max(open_ones, key=_order, default=None)


def _is_overtaken(episode: Episode, now: int) -> bool:
    """Return whether a later notification is stored already.

    A difference of more than ``MAX_WAIT`` means that the clock was set back.
    """
    return episode.reported_at is not None and 0 < episode.reported_at - now <= MAX_WAIT


def _update(episode: Episode, notification: Notification, now: int) -> Episode:
    fires = notification.ended_at is None
    return _fire(episode, notification, now) if fires else _end(episode, notification, now)


def _fire(episode: Episode, notification: Notification, now: int) -> Episode:
    """Return an episode that a sender reports as firing; it is open, whatever its state before."""
    senders = episode.senders if episode.ended_at is None else frozenset[str]()
    limited = frozenset(sorted(senders | {notification.sender})[:MAX_SENDERS])
    return replace(episode, ended_at=None, reported_at=now, senders=limited)


def _end(episode: Episode, notification: Notification, now: int) -> Episode:
    """Return an episode that a sender reports as resolved; it ends when no sender has it firing.

    Its first reported end stays, until it fires again.
    """
    senders = episode.senders - {notification.sender}
    end_reported = episode.ended_at is not None and episode.reported_at is not None
    if senders or end_reported:
        return replace(episode, reported_at=now, senders=senders)
    ended_at = max(episode.started_at, min(notification.ended_at or now, now))
    return replace(episode, ended_at=ended_at, reported_at=now)


def join(
    episodes: Iterable[Episode], reopen_within: int, changes: Sequence[int] = ()
) -> list[AlertPeriod]:
    """Return the alerts of one fingerprint: join episodes at most ``reopen_within`` seconds apart.

    ``changes`` are the times, in order, at which its owner changed. Episodes are not joined across
    them, and an episode that is open at a change is split. An alert keeps the row id of its
    episodes; if an alert is divided, its first part keeps the row id.
    """
    ordered = sorted(episodes, key=_order)
    stored_ids = _stored_ids(ordered, changes)
    taken_ids: set[int] = set()
    alerts: list[AlertPeriod] = []
    for period, parts in _split(ordered, changes).items():
        for neighbours, ended_at in _neighbours(parts, reopen_within):
            ids: set[int] = set()
            for part in neighbours:
                ids |= stored_ids.get((period, part.start), set())
            ids -= taken_ids
            taken_ids |= ids
            alert_id = min(ids, default=None)
            started_at = neighbours[0].started_at
            alerts.append(AlertPeriod(started_at, ended_at, tuple(neighbours), alert_id))
    return alerts


def _stored_ids(
    ordered: Iterable[Episode], changes: Sequence[int]
) -> dict[tuple[int, str], set[int]]:
    """Return the row ids of the episodes' alerts, by (period between changes, start)."""
    ids: dict[tuple[int, str], set[int]] = defaultdict(set)
    for episode in ordered:
        for part in episode.stored_parts:
            if part.alert_id is not None:
                ids[bisect_right(changes, part.started_at), episode.start].add(part.alert_id)
    return ids


def _split(ordered: list[Episode], changes: Sequence[int]) -> dict[int, list[EpisodeEnd]]:
    """Return the parts of episodes and their ends, in order, by period between changes."""
    episode_ends = list(map(EpisodeEnd, ordered, _ends(ordered)))
    if not changes:
        return {0: episode_ends}
    periods: dict[int, list[EpisodeEnd]] = defaultdict(list)
    for episode, ended_at in episode_ends:
        for part in _parts(episode, ended_at, changes):
            periods[bisect_right(changes, part.episode.started_at)].append(part)
    return dict(sorted(periods.items()))


def _parts(episode: Episode, ended_at: int | None, changes: Sequence[int]) -> Iterator[EpisodeEnd]:
    pieces = split(episode.started_at, ended_at, changes)
    for number, (start, end) in enumerate(pieces, 1):
        since = 0 if number == 1 else start
        reported_end = episode.ended_at if number == len(pieces) else end
        part = replace(
            episode, started_at=start, ended_at=reported_end, owner_since=since, parts=()
        )
        yield EpisodeEnd(part, end)


def _order(episode: Episode) -> tuple[int, bool, str]:
    """Return a sort key; of episodes that began in the same second, open ones come last."""
    return episode.started_at, episode.ended_at is None, episode.start


def _neighbours(
    parts: list[EpisodeEnd], reopen_within: int
) -> Iterator[tuple[list[Episode], int | None]]:
    """Yield groups of episodes in close succession, each with its end; None if it is open."""
    neighbours: list[Episode] = []
    last_end: int | None = 0
    for episode, ended_at in parts:
        if neighbours and last_end is not None and episode.started_at - last_end > reopen_within:
            yield neighbours, last_end
            neighbours = []
        last_end = _later(last_end, ended_at) if neighbours else ended_at
        neighbours.append(episode)
    if neighbours:
        yield neighbours, last_end


def _later(end: int | None, other_end: int | None) -> int | None:
    return None if end is None or other_end is None else max(end, other_end)


def _ends(ordered: list[Episode]) -> list[int | None]:
    """Return the end of each episode; an open one ends when the next of its replica begins."""
    next_starts: dict[str, int] = {}
    ends = []
    for episode in reversed(ordered):
        replica = replica_of(episode.start)
        next_start = next_starts.get(replica)
        ends.append(next_start if episode.ended_at is None else episode.ended_at)
        next_starts[replica] = episode.started_at
    return ends[::-1]


def replica_start(start: str, fingerprint: str) -> str:
    """Return the identifier of an episode of one of several replicas that count as one alert.

    Replicas fire at different times: a new start of one does not end the episode of another.
    """
    return f"{start} {fingerprint}"


def replica_of(start: str) -> str:
    """Return the replica of an episode's identifier; empty if there is only one."""
    return start.partition(" ")[2]
