"""Alerts as frozen values: notifications, episodes, alerts and rule results. No I/O.

Times are Unix seconds; row ids are those of the store.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

OWN = "openstats"
"""The source of alerts that openstats' own rules raise."""

BY_API = "api"
"""The source of alerts that an API caller posted."""


@dataclass(frozen=True, slots=True)
class SubjectLabels:
    """The subject that an alert's labels name: OpenStack ids, and the name of a cloud."""

    instance: str | None = None
    tenant: str | None = None
    cloud: str | None = None


@dataclass(frozen=True, slots=True)
class Notification:
    """A sender's report about one alert at one time.

    ``fingerprint`` identifies the alert, ``start`` one of its episodes; a repetition has the same
    two. ``ended_at`` is None while the alert fires. A ``timeless`` notification has no times of
    its own: it is about the open episode, if there is one. ``labels`` are those that are stored,
    and ``subject`` is what they name. Without a subject, the alert concerns everything that its
    receiver may report on. ``sender`` distinguishes independent senders; a cluster is one sender.
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
    """A period in which an alert fired without a break, or the part of it under one owner.

    ``reported_at`` is when the last notification about it arrived; None if an older version
    stored it, or if it ended without a notification. ``senders`` are those that report it as
    firing. ``alert_id`` is the row id of its alert; None while it has none. ``owner_since`` is the
    time of the move, or deletion, with which a part begins; 0 for the first part. ``parts`` are
    the stored parts of a whole episode, in order; empty if it is stored as one row.
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
        """The parts, one per stored row; the episode itself if it is one row."""
        return self.parts or (self,)


@dataclass(frozen=True, slots=True)
class AlertPeriod:
    """The time for which one alert is open: episodes of one owner in close succession.

    ``id`` is the row id of the alert, None for a new one.
    """

    started_at: int
    ended_at: int | None
    episodes: tuple[Episode, ...]
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """The alerts of one fingerprint after some notifications; ``notification`` is the last one.

    ``stored`` are the episodes in the store before the revision is written.
    """

    notification: Notification
    alerts: Sequence[AlertPeriod]
    stored: Sequence[Episode] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """How many notifications a receiver refused; time and reason of the last refusal."""

    number: int
    at: int
    reason: str


@dataclass(frozen=True, slots=True)
class ReceiverCounts:
    """A receiver's counters: notifications accepted, refused, and ``truncated`` by senders."""

    received_at: int | None = None
    notifications: int = 0
    truncated: int = 0
    refused: int = 0
    refused_at: int | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Restriction:
    """What a receiver may report on: clouds by name (empty: all), and owners in them.

    ``customer``, ``project`` and ``tenants`` are uuids; None means any. ``sender`` distinguishes
    senders that share a receiver: a sender's notification never affects another sender's alert.
    """

    clouds: tuple[str, ...] = ()
    customer: str | None = None
    project: str | None = None
    tenants: tuple[str, ...] | None = None
    sender: str = ""


@dataclass(frozen=True, slots=True)
class StatusFilter:
    """Which alerts are counted: open or closed, acknowledged or not. None means both."""

    opened: bool | None = None
    acknowledged: bool | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """What openstats' own rules tell alerts apart by: kind and row id of the subject, and the type.

    The subject is a tenant or a cloud.
    """

    kind: str
    row_id: int
    alert_type: str


@dataclass(frozen=True, slots=True)
class RuleResult:
    """A violation that one of openstats' own rules found.

    The same result within ``reopen_within`` seconds of its end reopens the same alert.
    """

    cause: Cause
    severity: str
    message: str
    reopen_within: int = 0


def split(
    started_at: int, ended_at: int | None, changes: Iterable[int]
) -> list[tuple[int, int | None]]:
    """Return a period, which may be open, split at the changes of its owner.

    A period that ends at the moment of a change is not split there: the new owner gets none of it.
    """
    edges: list[int | None] = [started_at]
    for at in changes:
        if started_at < at and (ended_at is None or at < ended_at):
            edges.append(at)
    return [*pairwise([*edges, ended_at])]  # type: ignore[list-item]
