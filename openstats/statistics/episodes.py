"""Episodes: what receivers report of an alert becomes alerts that are open, or over.

The rule is written down in docs/alerts.rst. It follows what Alertmanager believes of a receiver:
the peers of a cluster keep one log of what was last delivered, and send nothing that this log
holds. So the last notification that arrives decides, and what is ignored here is not sent again.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from openstats.alerts import Alert, Episode, Notification, Revision, split

EpisodeEnd = tuple[Episode, int | None]
"""An episode and its end, which may follow from a later episode; None while it is open."""

WAITING = 60
"""Seconds that a request waits for the store at most, so that a later one is stored before it."""

MOST_SENDERS = 16
"""Senders that are told apart for one alert; an installation has two or three."""


def fold(
    stored: Mapping[str, Mapping[str, Episode]],
    notifications: Iterable[Notification],
    changes: Mapping[str, Sequence[int]],
    *,
    now: int,
    reopen_within: int,
) -> list[Revision]:
    """Return the alerts of each fingerprint that notifications are about, which apply in order.

    ``stored`` has the episodes so far, by fingerprint and start. ``changes`` are when the subject
    of a fingerprint became another owner's, in order. ``now`` is when the notifications arrived;
    ``reopen_within`` is that of ``join``.
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
    """Yield the changes that parts begin with: what was split once stays so."""
    for episode in episodes:
        for part in episode.stored_parts:
            if part.owner_since:
                yield part.owner_since


def apply(episodes: Mapping[str, Episode], notification: Notification, now: int) -> Episode | None:
    """Return the episode that a notification is about, as it is since; None: nothing changes.

    ``episodes`` are the alert's, by start; ``now`` is when the notification arrived. No clock but
    ours can be ahead.
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
    """Return whether a later notification is stored already; a clock set back overtakes nobody."""
    return episode.reported_at is not None and 0 < episode.reported_at - now <= WAITING


def _update(episode: Episode, notification: Notification, now: int) -> Episode:
    fires = notification.ended_at is None
    return _fire(episode, notification, now) if fires else _end(episode, notification, now)


def _fire(episode: Episode, notification: Notification, now: int) -> Episode:
    """Return an episode that a sender reports as firing, whatever anybody reported before."""
    senders = episode.senders if episode.ended_at is None else frozenset[str]()
    limited = frozenset(sorted(senders | {notification.sender})[:MOST_SENDERS])
    return replace(episode, ended_at=None, reported_at=now, senders=limited)


def _end(episode: Episode, notification: Notification, now: int) -> Episode:
    """Return an episode whose end a sender reports: the first end stands, until it fires again."""
    senders = episode.senders - {notification.sender}
    end_reported = episode.ended_at is not None and episode.reported_at is not None
    if senders or end_reported:
        return replace(episode, reported_at=now, senders=senders)
    ended_at = max(episode.started_at, min(notification.ended_at or now, now))
    return replace(episode, ended_at=ended_at, reported_at=now)


def join(
    episodes: Iterable[Episode], reopen_within: int, changes: Sequence[int] = ()
) -> list[Alert]:
    """Join episodes of one fingerprint between which ``reopen_within`` seconds lie at most.

    ``changes`` are when it became another owner's, in order: nothing is joined across them, and an
    episode that is open then is split in parts. An alert keeps the row of its episodes; where one
    falls apart, the first keeps the row.
    """
    ordered = sorted(episodes, key=_order)
    stored_ids = _stored_ids(ordered, changes)
    taken_ids: set[int] = set()
    alerts = []
    for period, parts in _split(ordered, changes).items():
        for neighbours, ended_at in _neighbours(parts, reopen_within):
            ids: set[int] = set()
            for part in neighbours:
                ids |= stored_ids.get((period, part.start), set())
            ids -= taken_ids
            taken_ids |= ids
            started_at = neighbours[0].started_at
            alerts.append(Alert(started_at, ended_at, tuple(neighbours), min(ids, default=None)))
    return alerts


def _stored_ids(
    ordered: Iterable[Episode], changes: Sequence[int]
) -> dict[tuple[int, str], set[int]]:
    """Return the row ids of the alerts of episodes, by period between changes, and start."""
    ids: dict[tuple[int, str], set[int]] = defaultdict(set)
    for episode in ordered:
        for part in episode.stored_parts:
            if part.alert_id is not None:
                ids[bisect_right(changes, part.started_at), episode.start].add(part.alert_id)
    return ids


def _split(ordered: list[Episode], changes: Sequence[int]) -> dict[int, list[EpisodeEnd]]:
    """Return the parts of episodes and their ends, in order, by period between changes."""
    ended = zip(ordered, _ends(ordered), strict=True)
    if not changes:
        return {0: list(ended)}
    periods: dict[int, list[EpisodeEnd]] = defaultdict(list)
    for episode, ended_at in ended:
        for part, end in _parts(episode, ended_at, changes):
            periods[bisect_right(changes, part.started_at)].append((part, end))
    return dict(sorted(periods.items()))


def _parts(episode: Episode, ended_at: int | None, changes: Sequence[int]) -> Iterator[EpisodeEnd]:
    pieces = split(episode.started_at, ended_at, changes)
    for number, (start, end) in enumerate(pieces, 1):
        since = 0 if number == 1 else start
        reported_end = episode.ended_at if number == len(pieces) else end
        part = replace(
            episode, started_at=start, ended_at=reported_end, owner_since=since, parts=()
        )
        yield part, end


def _order(episode: Episode) -> tuple[int, bool, str]:
    """Of those that began in one second, the one that is open is the latest."""
    return episode.started_at, episode.ended_at is None, episode.start


def _neighbours(
    parts: list[EpisodeEnd], reopen_within: int
) -> Iterator[tuple[list[Episode], int | None]]:
    """Yield episodes that follow one another closely, and when the last of them was over."""
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
    """Return when each episode was over: by the time that the next of its replica began."""
    next_starts: dict[str, int] = {}
    ends = []
    for episode in reversed(ordered):
        replica = replica_of(episode.start)
        next_start = next_starts.get(replica)
        ends.append(next_start if episode.ended_at is None else episode.ended_at)
        next_starts[replica] = episode.started_at
    return ends[::-1]


def replica_start(start: str, fingerprint: str) -> str:
    """Return the start of an episode of one of several replicas that are counted as one alert.

    Each fires at its own times: another's new start does not mean that this one is over.
    """
    return f"{start} {fingerprint}"


def replica_of(start: str) -> str:
    """Return which replica an episode is of; empty where there is but one."""
    return start.partition(" ")[2]
