"""Silence: which kinds of poll have brought nothing for so long that something is wrong.

Several kinds that are silent for one reason are one cause. What a poll asks is not known here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

CLOUD = "cloud"
"""The cause that is no single kind's: nothing at all was read."""

LIVELY = 2
"""A cloud answers if it brought something within so many of its shortest intervals."""


@dataclass(frozen=True, slots=True)
class PollState:
    """How polls of one kind went: when the last one succeeded and failed (0: never), and why.

    ``interval`` is how far apart they are, ``seconds`` how long the last success took, and
    ``idle`` whether there may be nothing to ask, so that a success says nothing of the cloud.
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
        """Return after how many seconds a poll is followed by the next one's success."""
        return self.interval + (0 if self.failing else self.seconds)

    def silent(self, now: int, since: float, intervals: int) -> bool:
        """Return whether nothing was read for some intervals, as far as anybody tried.

        ``since`` is when this collector began to be at work: nobody may have tried before that.
        """
        if self.failing:
            return self.error_at - (self.polled_at or since) > intervals * self.interval
        return now - max(self.polled_at, since) > intervals * self.pace()

    def healthy(self, now: int, intervals: int) -> bool:
        """Return whether the last attempt succeeded, and not long ago."""
        recent = abs(now - self.polled_at) <= intervals * self.pace()
        return bool(self.polled_at) and not self.failing and recent

    @property
    def reason(self) -> str:
        """What the error blames: the part before the call, which names the service."""
        return (self.error or self.name).partition("'s ")[0]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The causes that there are, each with its silent kinds, and those that are over."""

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
    """Return what is wrong with a cloud, given the causes that have an open alert.

    An open cause that cannot be decided stays: it is neither found again, nor over.
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
    """Return whether no kind at all has brought anything for some intervals."""
    return now - max(since, _answered_at(kinds)) > intervals * _shortest(kinds)


def _lively(kinds: Iterable[PollState], now: int) -> bool:
    """Return whether the cloud answers: otherwise all may be silent for one reason, yet unknown."""
    return now - _answered_at(kinds) <= LIVELY * _shortest(kinds)


def _answered_at(kinds: Iterable[PollState]) -> int:
    return max((kind.polled_at for kind in kinds if not kind.idle), default=0)


def _shortest(kinds: Iterable[PollState]) -> float:
    return min(kind.pace() for kind in kinds)


def _add_by_reason(causes: dict[str, list[PollState]], silent: Iterable[PollState]) -> None:
    """Add kinds to the cause of the same reason; the first kind of a new reason names its cause."""
    by_reason = {cause[0].reason: cause for cause in causes.values()}
    for kind in silent:
        if kind.reason not in by_reason:
            by_reason[kind.reason] = causes[kind.name] = []
        by_reason[kind.reason].append(kind)
