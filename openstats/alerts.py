"""Alerts: what receivers and rules report, and the alerts that this makes, as frozen values.

No I/O lives here. Times are Unix seconds; row ids are those of the store.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

OWN = "openstats"
"""The source of alerts that come from rules of our own."""

BY_API = "api"
"""The source of alerts that somebody posted."""


@dataclass(frozen=True, slots=True)
class SubjectLabels:
    """What labels say about the subject of an alert: ids in OpenStack, and a cloud's name."""

    instance: str | None = None
    tenant: str | None = None
    cloud: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """What a sender reports about one alert at one time.

    ``fingerprint`` identifies the alert, ``start`` one of its episodes; a repetition has the same
    two. ``ended_at`` is None while the alert fires. A ``timeless`` notification has no times of
    its own: it is about the open episode, if there is one. ``labels`` are those that are stored,
    and ``subject`` what they say; None: the alert is of all that its receiver may speak for.
    ``sender`` tells senders apart that know nothing of one another; a cluster is one sender.
    """

    fingerprint: str
    start: str
    alert_type: str
    severity: str
    message: str
    started_at: int
    ended_at: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    subject: SubjectLabels | None = None
    timeless: bool = False
    sender: str = ""


@dataclass(frozen=True, slots=True)
class Episode:
    """A time in which an alert fired without a break, or the part of it that one owner had.

    ``reported_at`` is when the last notification about it arrived; None where an older version
    stored it, or where it ended without one. ``senders`` are those that report it as firing.
    ``alert_id`` is the row id of its alert; None while it has none. ``owner_since`` is the move,
    or deletion, that a part begins with; 0 for the first part. ``parts`` are those in which the
    whole is stored, in order; none where that is one row.
    """

    start: str
    started_at: int
    ended_at: int | None = None
    reported_at: int | None = None
    alert_id: int | None = None
    senders: frozenset[str] = frozenset()
    owner_since: int = 0
    parts: tuple["Episode", ...] = ()

    @property
    def stored_parts(self) -> tuple["Episode", ...]:
        """The parts in which it is stored."""
        return self.parts or (self,)


@dataclass(frozen=True, slots=True)
class Alert:
    """Episodes of one owner that follow one another closely: what is counted as one alert.

    ``id`` is its row id, None for a new one.
    """

    started_at: int
    ended_at: int | None
    episodes: tuple[Episode, ...]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """The alerts of one fingerprint after some notifications, of which the last is here.

    ``stored`` are the episodes as the store has them until the revision is written.
    """

    notification: Notification
    alerts: Sequence[Alert]
    stored: Sequence[Episode] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """How many notifications a receiver refused, when the last one, and why that."""

    number: int
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiverCounts:
    """What a receiver took in so far, and what it refused; ``truncated``: left out by senders."""

    received_at: int | None = None
    notices: int = 0
    truncated: int = 0
    refused: int = 0
    refused_at: int | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """For whom a receiver may speak: clouds by name (none: all), and owners in them.

    ``customer``, ``project`` and ``tenants`` are uuids; None: any. ``sender`` tells those apart who
    share a receiver: what one of them reports is about no alert of another's.
    """

    clouds: tuple[str, ...] = ()
    customer: str | None = None
    project: str | None = None
    tenants: tuple[str, ...] | None = None
    sender: str = ""


@dataclass(frozen=True, slots=True)
class StatusFilter:
    """Which alerts are counted: open or closed ones, acknowledged or others; None: both."""

    opened: bool | None = None
    acknowledged: bool | None = None


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What a rule of our own found wrong with a tenant or a cloud (``row_id``).

    The same result within ``reopen_within`` seconds of its end is the same alert.
    """

    kind: str
    row_id: int
    alert_type: str
    severity: str
    message: str
    reopen_within: int = 0


def split(
    started_at: int, ended_at: int | None, changes: Iterable[int]
) -> list[tuple[int, int | None]]:
    """Return the pieces of a time, which may be open, between changes of its owner.

    What ends in the moment of a change was never the new owner's.
    """
    edges: list[int | None] = [started_at]
    for at in changes:
        if started_at < at and (ended_at is None or at < ended_at):
            edges.append(at)
    return [*pairwise([*edges, ended_at])]  # type: ignore[list-item]
