"""Notices: what Alertmanager's webhooks and Aodh's notifier send, read into plain values."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from openstats.alerts import Labelled, Notice
from openstats.errors import BodyError
from openstats.http.validation import sentences
from openstats.statistics.episodes import strand
from openstats.statistics.fingerprint import common_fingerprint, fingerprint

LONGEST_NAME, LONGEST_TEXT = 255, 4096
SENDER_DIGITS = 16
MOST_TRUNCATED = 2**31 - 1
"""Alerts that a webhook may say were left out of it: more than any Alertmanager holds."""

UNNAMED = "alert"
RESOLVED = "resolved"
MESSAGES = ("summary", "description", "message", "title")
"""Annotations, by what they are called as a rule; the first that there is, is the message."""


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _universal(told: datetime) -> datetime:
    try:
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[datetime, AfterValidator(_universal)]
Model = TypeVar("Model", bound=BaseModel)


class Sent(BaseModel):
    """One alert in a webhook of Alertmanager's; whatever else it says is left aside.

    Alertmanager before 0.19, and some relays, send no fingerprint or no status.
    """

    status: Literal["firing", "resolved"] | None = None
    fingerprint: Annotated[Text, Field(min_length=1)] | None = None
    startsAt: Moment  # noqa: N815 (their name)
    endsAt: Moment | None = None  # noqa: N815
    labels: dict[Text, Text] = {}
    annotations: dict[Text, Text] = {}


class Webhook(BaseModel):
    """A webhook of Alertmanager's, version 4."""

    alerts: list[Any]
    truncatedAlerts: Annotated[int, Field(ge=0, le=MOST_TRUNCATED)] = 0  # noqa: N815
    status: Any = None
    externalURL: Any = None  # noqa: N815


class Alarm(BaseModel):
    """What Aodh's REST notifier sends when an alarm is in another state."""

    alarm_id: Annotated[Text, Field(min_length=1)]
    alarm_name: Text = UNNAMED
    severity: Text = ""
    current: Literal["ok", "alarm", "insufficient data"]
    reason: Text = ""


class Request(NamedTuple):
    """What is known of a request beside its body; ``now`` is when it arrived.

    ``independent``: those who send to its receiver are no cluster.
    """

    request_id: str
    address: str
    now: int
    independent: bool = False


class Received(NamedTuple):
    """What a request told; who sent it left ``truncated`` out.

    ``refused`` has a sentence for each alert that cannot be read: which one, and why.
    """

    notices: list[Notice]
    truncated: int = 0
    refused: Sequence[str] = ()


class Reader:
    """Reads what receivers are sent, as [alerts] says."""

    def __init__(self, options: Any) -> None:
        self._replicas = frozenset(options.replica_labels)
        self._severities: dict[str, str] = options.severities
        self._unknown: str = options.unknown_severity
        self._naming = options.instance_labels, options.tenant_labels, options.cloud_labels
        self._kept = sorted({name for names in self._naming for name in names})

    def severity(self, told: str) -> str:
        """Say what somebody else's severity means."""
        return self._severities.get(told.lower(), self._unknown)

    def labelled(self, labels: Mapping[str, str]) -> Labelled:
        """Pick what says whom an alert is about."""
        return Labelled(*(_first(labels, names) for names in self._naming))

    def kept(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Give those labels that are stored: the configured ones."""
        return {name: labels[name][:LONGEST_NAME] for name in self._kept if name in labels}

    def alertmanager(self, document: Any, request: Request) -> Received:
        """Read a webhook; an alert that makes no sense does not spoil the others.

        Raises:
            BodyError: nothing in it can be read.
        """
        webhook = _validated(Webhook, document)
        notices, refused, problem = [], [], None
        for entry in webhook.alerts:
            try:
                notices.append(self._sent(_validated(Sent, entry), webhook, request))
            except BodyError as error:
                problem = error
                refused.append(f"{_title(entry)}: {error}")
        if problem and not notices:
            raise problem
        return Received(notices, webhook.truncatedAlerts, refused)

    def _sent(self, sent: Sent, webhook: Webhook, request: Request) -> Notice:
        name = sent.labels.get("alertname", "") or UNNAMED
        message = next((sent.annotations[n] for n in MESSAGES if n in sent.annotations), name)
        key, start = self._identity(sent)
        began = _given(sent.startsAt)
        return Notice(
            fingerprint=short(key),
            start=short(start if began else request.request_id),
            alert_type=name[:LONGEST_NAME],
            severity=self.severity(sent.labels.get("severity", "")),
            message=message[:LONGEST_TEXT],
            started_at=began or request.now,
            ended_at=_ended_at(sent, webhook.status, request.now),
            labels=self.kept(sent.labels),
            vague=not began,
            sender=_sender(webhook, request),
        )

    def _identity(self, sent: Sent) -> tuple[str, str]:
        """Return the fingerprint of an alert, and what its episode is known by.

        Raises:
            BodyError: it has neither a fingerprint nor labels.
        """
        if not sent.fingerprint and not sent.labels:
            raise BodyError("fingerprint: is missing, and there are no labels to compute it from")
        start = f"{sent.startsAt:%Y-%m-%dT%H:%M:%S.%f}"
        own = sent.fingerprint or fingerprint(sent.labels)
        common = common_fingerprint(sent.labels, own, self._replicas)
        return common, start if common == own else strand(start, own)

    def aodh(self, document: Any, request: Request) -> Received:
        """Read a notification: it has no time, and its repetitions have the id of its request.

        Raises:
            BodyError: it cannot be read.
        """
        alarm = _validated(Alarm, document)
        if alarm.current == "insufficient data":
            # Neither over nor worse: what follows will tell.
            return Received([])
        notice = Notice(
            fingerprint=short(alarm.alarm_id),
            start=short(request.request_id),
            alert_type=alarm.alarm_name[:LONGEST_NAME],
            severity=self.severity(alarm.severity),
            message=(alarm.reason or alarm.alarm_name)[:LONGEST_TEXT],
            started_at=request.now,
            ended_at=request.now if alarm.current == "ok" else None,
            vague=True,
        )
        return Received([notice])

    def of(self, kind: str) -> Callable[[Any, Request], Received]:
        """Give what reads the documents of a kind of receiver."""
        return {"alertmanager": self.alertmanager, "aodh": self.aodh}[kind]


def _given(moment: datetime | None) -> int | None:
    """Return the Unix seconds of a time; None for what stands for none: the year 1, and 1970."""
    seconds = 0 if moment is None else int(moment.timestamp())
    return seconds if seconds > 0 else None


def _ended_at(sent: Sent, group: Any, now: int) -> int | None:
    """Return when an alert was over, as far as it says so; None: it fires."""
    ended_at = _given(sent.endsAt)
    over = group == RESOLVED or (ended_at is not None and ended_at <= now)
    resolved = sent.status == RESOLVED if sent.status else over
    return (ended_at or now) if resolved else None


def _sender(webhook: Webhook, request: Request) -> str:
    """Return who of several independent senders sent a webhook."""
    if not request.independent:
        return ""
    url = webhook.externalURL if isinstance(webhook.externalURL, str) else ""
    return hashlib.sha256((url or request.address).encode()).hexdigest()[:SENDER_DIGITS]


def _title(entry: Any) -> str:
    """Return what an alert that cannot be read is found by in its sender's log."""
    labels = entry.get("labels") if isinstance(entry, Mapping) else None
    name = labels.get("alertname") if isinstance(labels, Mapping) else None
    key = entry.get("fingerprint") if isinstance(entry, Mapping) else None
    return f"alert {name or UNNAMED!r:.80} with fingerprint {key!r:.40}"


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((labels[name] for name in names if name in labels), None)


def _validated(model: type[Model], document: Any) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field")) from None


def short(key: str) -> str:
    """Make a key that the store's columns hold: one that is too long, by its hash."""
    return key if len(key) <= LONGEST_NAME else hashlib.sha256(key.encode()).hexdigest()
