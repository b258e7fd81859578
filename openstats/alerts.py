"""Alerts: what receivers and rules tell of them, as plain, frozen values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal, get_args

Severity = Literal["Debug", "Info", "Warning", "Error"]
SEVERITIES: tuple[str, ...] = get_args(Severity)
"""From the least to the worst; the store keeps places in this order."""

OWN = "openstats"
"""The source of alerts that come from rules of our own."""

BY_API = "api"
"""The source of alerts that somebody posted."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What a receiver was told of one alert at one time.

    ``fingerprint`` says which alert it is, ``start`` which of its episodes: both together are the
    same however often they are told. Who tells no times is ``vague``: it means the episode under
    way, where there is one. Times are Unix seconds; ``ended_at`` is None while the alert fires.
    ``labels`` are those that scopes are found by. ``sender`` tells senders apart
    that know nothing of one another; those of a cluster are one.
    """

    fingerprint: str
    start: str
    alert_type: str
    severity: str
    message: str
    started_at: int
    ended_at: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    vague: bool = False
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which an alert fired without a break, or the part of it that one owner had.

    ``heard_at`` is when the last notification about it arrived; None where none did since it was
    stored by an older version, or where it only went stale. ``voices`` are the senders that say it
    fires. ``alert`` is the row of the alert that it is in; None while it is in none. ``since`` is
    the move, or deletion, that a part begins with; 0 for the first part. ``parts`` are those in
    which the whole is stored, in order; none where that is one row.
    """

    start: str
    started_at: int
    ended_at: int | None = None
    heard_at: int | None = None
    alert: int | None = None
    voices: frozenset[str] = frozenset()
    since: int = 0
    parts: tuple["Episode", ...] = ()

    @property
    def stored(self) -> tuple["Episode", ...]:
        """The parts in which it is stored."""
        return self.parts or (self,)


@dataclass(frozen=True, slots=True)
class Spell:
    """Episodes of one owner that follow one another closely: what is counted as one alert.

    ``alert`` is its row, None for a new one.
    """

    started_at: int
    ended_at: int | None
    episodes: tuple[Episode, ...]
    alert: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """How many notifications a receiver refused, when the last one, and why that."""

    number: int
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class Bound:
    """For whom a receiver may speak: clouds by name (none: all), and whom of them.

    ``customer``, ``project`` and ``tenants`` are uuids; None: whoever it is. ``sender`` tells those
    apart who share a receiver: what one of them says is about no alert of another's.
    """

    clouds: tuple[str, ...] = ()
    customer: str | None = None
    project: str | None = None
    tenants: tuple[str, ...] | None = None
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Labelled:
    """What labels say of whom an alert is: ids of OpenStack's, and a cloud's name."""

    instance: str | None = None
    tenant: str | None = None
    cloud: str | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule of our own found wrong with a tenant or a cloud (row ids).

    What is found again within ``reopen_within`` seconds of its end is the same alert.
    """

    kind: str
    row: int
    alert_type: str
    severity: str
    message: str
    reopen_within: int = 0


def cut(
    started_at: int, ended_at: int | None, changes: Iterable[int]
) -> list[tuple[int, int | None]]:
    """Return the pieces of a time, which may be open, that lie between changes of its owner.

    What ends in the moment of a change was never the new owner's.
    """
    inner = [at for at in changes if started_at < at and (ended_at is None or at < ended_at)]
    return [*pairwise([started_at, *inner, ended_at])]  # type: ignore[list-item]
