"""Silence: which kinds of poll have not succeeded for so long that something is wrong.

Several kinds that are silent for the same reason are one cause. Nothing here knows what polls do.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

CLOUD = "cloud"
"""The cause that covers the whole cloud: nothing at all was read."""

LIVELY_INTERVALS = 2
"""A cloud is lively if a poll succeeded within this many of its shortest intervals."""


@dataclass(frozen=True, slots=True)
class PollState:
    """The state of one kind of poll: times of its last success and failure (0: never).

    ``interval`` is the seconds between two polls, ``seconds`` the duration of the last success.
    ``idle`` says that a poll may succeed without calling the cloud, so that its success proves
    nothing about the cloud.
    """

    name: str
    interval: float
    polled_at: int = 0
    error_at: int = 0
    error: str | None = None
    seconds: float = 0.0
    idle: bool = False

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed."""
        return self.error is not None and self.error_at > self.polled_at

    def pace(self) -> float:
        """Return the expected seconds between two successes."""
        return self.interval + (0 if self.failing else self.seconds)

    def silent(self, now: int, since: float, intervals: int) -> bool:
        """Return whether no poll succeeded for this many intervals, counting only attempts.

        ``since`` is when this collector began to work; before that, there may have been no polls.
        """
        if self.failing:
            return self.error_at - (self.polled_at or since) > intervals * self.interval
        return now - max(self.polled_at, since) > intervals * self.pace()

    def healthy(self, now: int, intervals: int) -> bool:
        """Return whether the last attempt succeeded within this many intervals."""
        recent = abs(now - self.polled_at) <= intervals * self.pace()
        return bool(self.polled_at) and not self.failing and recent

    @property
    def reason(self) -> str:
        """The part of the error before the call, which names the service."""
        return (self.error or self.name).partition("'s ")[0]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The present causes, each with its silent kinds of poll, and the open causes that are over."""

    causes: Mapping[str, Sequence[PollState]]
    over: frozenset[str]


def judge(
    kinds: Collection[PollState],
    open_causes: Collection[str],
    *,
    now: int,
    since: float,
    intervals: int,
) -> Verdict:
    """Return the causes of a cloud's silence, given the causes that have an open alert.

    An open cause that cannot be decided is in neither part of the verdict.
    """
    silent = [kind for kind in kinds if kind.silent(now, since, intervals)]
    causes = {kind.name: [kind] for kind in silent if kind.name in open_causes}
    unexplained = [kind for kind in silent if kind.name not in open_causes]
    if unexplained and (CLOUD in open_causes or _dead(kinds, now, since, intervals)):
        causes[CLOUD] = unexplained
    elif _lively(kinds, now):
        _add_by_reason(causes, unexplained)
    over = {kind.name for kind in kinds if kind.healthy(now, intervals)}
    if over and not unexplained:
        over.add(CLOUD)
    return Verdict(causes, frozenset(over.intersection(open_causes)))


def _dead(kinds: Iterable[PollState], now: int, since: float, intervals: int) -> bool:
    """Return whether no kind of poll at all has succeeded for this many intervals."""
    return now - max(since, _answered_at(kinds)) > intervals * _shortest(kinds)


def _lively(kinds: Iterable[PollState], now: int) -> bool:
    """Return whether the cloud still answers; if not, one reason may explain all the silence."""
    return now - _answered_at(kinds) <= LIVELY_INTERVALS * _shortest(kinds)


def _answered_at(kinds: Iterable[PollState]) -> int:
    return max((kind.polled_at for kind in kinds if not kind.idle), default=0)


def _shortest(kinds: Iterable[PollState]) -> float:
    return min(kind.pace() for kind in kinds)


def _add_by_reason(causes: dict[str, list[PollState]], silent: Iterable[PollState]) -> None:
    """Add silent kinds to the causes with the same reason.

    A new cause is named after the first kind with its reason.
    """
    by_reason = {cause[0].reason: cause for cause in causes.values()}
    for kind in silent:
        if kind.reason not in by_reason:
            by_reason[kind.reason] = causes[kind.name] = []
        by_reason[kind.reason].append(kind)
