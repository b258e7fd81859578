"""Notifications: what Alertmanager's webhooks and Aodh's notifier send, read into plain values."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from openstats.alerts import Notification, SubjectLabels
from openstats.errors import BodyError
from openstats.http.validation import sentences
from openstats.statistics.episodes import replica_start
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


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("must be a time between the years 1 and 9999 in UTC") from None


Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[datetime, AfterValidator(_in_utc)]
Model = TypeVar("Model", bound=BaseModel)


class WebhookAlert(BaseModel):
    """One alert in a webhook of Alertmanager's; its other fields are ignored.

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


class Envelope(NamedTuple):
    """What is known of a request beside its body.

    ``independent``: the senders of its receiver are no cluster.
    """

    request_id: str
    address: str
    arrived_at: int
    independent: bool = False


class Delivery(NamedTuple):
    """What a request reports; its sender left out ``truncated`` alerts.

    ``problems`` has a sentence for each alert that cannot be read: which one, and why.
    """

    notifications: list[Notification]
    truncated: int = 0
    problems: Sequence[str] = ()


class Reader:
    """Reads what receivers are sent, as [alerts] says."""

    def __init__(self, options: Any) -> None:
        self._replicas = frozenset(options.replica_labels)
        self._severities: dict[str, str] = options.severities
        self._unknown_severity: str = options.unknown_severity
        self._subject_names = options.instance_labels, options.tenant_labels, options.cloud_labels
        self._stored_names = sorted({name for names in self._subject_names for name in names})

    def read(self, kind: str, document: Any, envelope: Envelope) -> Delivery:
        """Read what a receiver of a kind is sent.

        Raises:
            BodyError: nothing in it can be read.
        """
        read = {"alertmanager": self._webhook, "aodh": self._alarm}[kind]
        return read(document, envelope)

    def _webhook(self, document: Any, envelope: Envelope) -> Delivery:
        """Read a webhook of Alertmanager's; an alert that makes no sense does not spoil others."""
        webhook = _validated(Webhook, document)
        notifications, problems, last_error = [], [], None
        for entry in webhook.alerts:
            try:
                alert = _validated(WebhookAlert, entry)
                notifications.append(self._notification(alert, webhook, envelope))
            except BodyError as error:
                last_error = error
                problems.append(f"{_title(entry)}: {error}")
        if last_error and not notifications:
            raise last_error
        return Delivery(notifications, webhook.truncatedAlerts, problems)

    def _notification(
        self, alert: WebhookAlert, webhook: Webhook, envelope: Envelope
    ) -> Notification:
        key, start = self._identity(alert)
        started_at = _seconds(alert.startsAt)
        name = alert.labels.get("alertname", "") or UNNAMED
        severity = self._severity(alert.labels.get("severity", ""))
        labels = self._stored_labels(alert.labels)
        subject = self._subject(labels)
        key, start = short(key), short(start if started_at else envelope.request_id)
        ended_at = _ended_at(alert, webhook.status, envelope.arrived_at)
        sender = _sender(webhook, envelope)
        return Notification(
            key,
            start,
            alert_type=name[:LONGEST_NAME],
            severity=severity,
            message=_message(alert.annotations, name),
            started_at=started_at or envelope.arrived_at,
            ended_at=ended_at,
            labels=labels,
            subject=subject,
            timeless=not started_at,
            sender=sender,
        )

    def _subject(self, labels: Mapping[str, str]) -> SubjectLabels:
        return SubjectLabels(*(_first(labels, names) for names in self._subject_names))

    def _identity(self, alert: WebhookAlert) -> tuple[str, str]:
        """Return the fingerprint of an alert, and what its episode is known by.

        Raises:
            BodyError: it has neither a fingerprint nor labels.
        """
        if not alert.fingerprint and not alert.labels:
            raise BodyError("fingerprint: is missing, and there are no labels to compute it from")
        start = f"{alert.startsAt:%Y-%m-%dT%H:%M:%S.%f}"
        own_key = alert.fingerprint or fingerprint(alert.labels)
        common_key = common_fingerprint(alert.labels, own_key, self._replicas)
        return common_key, start if common_key == own_key else replica_start(start, own_key)

    def _severity(self, severity: str) -> str:
        """Return what somebody else's severity means here."""
        return self._severities.get(severity.lower(), self._unknown_severity)

    def _stored_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return those labels that are stored: the configured ones."""
        return {name: labels[name][:LONGEST_NAME] for name in self._stored_names if name in labels}

    def _alarm(self, document: Any, envelope: Envelope) -> Delivery:
        """Read a notification of Aodh's.

        It has no time, and its repetitions have the id of its request. It names no subject: its
        alert is of all that the receiver may speak for.
        """
        alarm = _validated(Alarm, document)
        if alarm.current == "insufficient data":
            # Neither over nor worse: what follows will tell.
            return Delivery([])
        name, message, now = alarm.alarm_name, alarm.reason, envelope.arrived_at
        severity = self._severity(alarm.severity)
        notification = Notification(
            short(alarm.alarm_id),
            short(envelope.request_id),
            alert_type=name[:LONGEST_NAME],
            severity=severity,
            message=(message or name)[:LONGEST_TEXT],
            started_at=now,
            ended_at=now if alarm.current == "ok" else None,
            timeless=True,
        )
        return Delivery([notification])


def _message(annotations: Mapping[str, str], name: str) -> str:
    message = next((annotations[key] for key in MESSAGES if key in annotations), name)
    return message[:LONGEST_TEXT]


def _seconds(moment: datetime | None) -> int | None:
    """Return the Unix seconds of a time; None for what stands for none: the year 1, and 1970."""
    seconds = 0 if moment is None else int(moment.timestamp())
    return seconds if seconds > 0 else None


def _ended_at(alert: WebhookAlert, group_status: Any, now: int) -> int | None:
    """Return when an alert was over, as far as it says so; None: it fires."""
    ended_at = _seconds(alert.endsAt)
    if alert.status:
        is_over = alert.status == RESOLVED
    else:
        is_over = group_status == RESOLVED or (ended_at is not None and ended_at <= now)
    return (ended_at or now) if is_over else None


def _sender(webhook: Webhook, envelope: Envelope) -> str:
    """Return who of several independent senders sent a webhook."""
    if not envelope.independent:
        return ""
    url = webhook.externalURL if isinstance(webhook.externalURL, str) else ""
    return hashlib.sha256((url or envelope.address).encode()).hexdigest()[:SENDER_DIGITS]


def _title(entry: Any) -> str:
    """Return what an alert that cannot be read is found by in its sender's log."""
    fields = entry if isinstance(entry, Mapping) else {}
    labels = fields.get("labels")
    name = labels.get("alertname") if isinstance(labels, Mapping) else None
    return f"alert {name or UNNAMED!r:.80} with fingerprint {fields.get('fingerprint')!r:.40}"


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((labels[name] for name in names if name in labels), None)


def _validated(model: type[Model], document: Any) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field")) from None


def short(key: str) -> str:
    """Return a key that the store's columns hold: of one that is too long, its hash."""
    return key if len(key) <= LONGEST_NAME else hashlib.sha256(key.encode()).hexdigest()


def of_sender(sender: str, notifications: Sequence[Notification]) -> Sequence[Notification]:
    """Return notifications with fingerprints of their sender's own, where senders share a receiver.

    They may use the same fingerprints. An empty sender shares with nobody.
    """
    if not sender:
        return notifications
    return [
        replace(notification, fingerprint=short(f"{sender}:{notification.fingerprint}"))
        for notification in notifications
    ]
