"""Parsing of notifications: webhooks of Alertmanager, and requests of Aodh's notifier."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, Literal, NamedTuple, Self, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from openstats.alerts import Notification, SubjectLabels
from openstats.conf.alerts import AlertOptions
from openstats.errors import BodyError
from openstats.http.validation import Location, sentences
from openstats.statistics.episodes import replica_start
from openstats.statistics.fingerprint import common_fingerprint, fingerprint

MAX_NAME_LENGTH, MAX_TEXT_LENGTH = 255, 4096
SENDER_ID_LENGTH = 16
MAX_TRUNCATED = 2**31 - 1
"""Maximum of truncatedAlerts in a webhook: more than any Alertmanager holds."""

DEFAULT_NAME = "alert"
RESOLVED = "resolved"
MESSAGE_ANNOTATIONS = ("summary", "description", "message", "title")
"""Common names of annotations; the first one present becomes the message."""


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
    """One alert in a webhook of Alertmanager; other fields are ignored.

    Alertmanager before 0.19, and some relays, send no fingerprint or no status.
    """

    status: Literal["firing", "resolved"] | None = None
    fingerprint: Annotated[Text, Field(min_length=1)] | None = None
    startsAt: Moment  # noqa: N815 (their name)
    endsAt: Moment | None = None  # noqa: N815
    labels: dict[Text, Text] = {}
    annotations: dict[Text, Text] = {}

    @model_validator(mode="after")
    def _check_identity(self) -> Self:
        if not self.fingerprint and not self.labels:
            raise ValueError("must have a fingerprint, or labels to compute it from")
        return self


class Webhook(BaseModel):
    """A webhook of Alertmanager, version 4."""

    alerts: list[object]
    truncatedAlerts: Annotated[int, Field(ge=0, le=MAX_TRUNCATED)] = 0  # noqa: N815
    status: object = None
    externalURL: object = None  # noqa: N815


class Alarm(BaseModel):
    """The body that Aodh's REST notifier sends when an alarm changes its state."""

    alarm_id: Annotated[Text, Field(min_length=1)]
    alarm_name: Text = DEFAULT_NAME
    severity: Text = ""
    current: Literal["ok", "alarm", "insufficient data"]
    reason: Text = ""


class Envelope(NamedTuple):
    """Facts about a request to a receiver, besides its body.

    ``independent`` says that the senders of the receiver do not form a cluster.
    """

    request_id: str
    address: str
    arrived_at: int
    independent: bool = False


class Delivery(NamedTuple):
    """The notifications of a request, from which the sender left out ``truncated`` alerts.

    ``problems`` has a sentence for each alert that cannot be read, with the reason.
    """

    notifications: list[Notification]
    truncated: int = 0
    problems: Sequence[str] = ()


class Reader:
    """Parses the documents that receivers get, according to the options in [alerts]."""

    def __init__(self, options: AlertOptions) -> None:
        self._replicas = frozenset(options.replica_labels)
        self._severities = options.severities
        self._unknown_severity = options.unknown_severity
        self._subject_names = options.instance_labels, options.tenant_labels, options.cloud_labels
        self._stored_names = sorted({name for names in self._subject_names for name in names})

    def read(self, kind: str, document: object, envelope: Envelope) -> Delivery:
        """Return the notifications in a document that was sent to a receiver of a kind.

        Raises:
            BodyError: nothing in the document can be read.
        """
        read = {"alertmanager": self._webhook, "aodh": self._alarm}[kind]
        return read(document, envelope)

    def _webhook(self, document: object, envelope: Envelope) -> Delivery:
        """Return the notifications in a webhook; invalid alerts are skipped and reported."""
        webhook = _validated(Webhook, document)
        notifications, problems, last_error = [], [], None
        for index, entry in enumerate(webhook.alerts):
            try:
                alert = _validated(WebhookAlert, entry, ("alerts", index))
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
        name = alert.labels.get("alertname", "") or DEFAULT_NAME
        severity = self._severity(alert.labels.get("severity", ""))
        message = _message(alert.annotations, name)
        labels = self._stored_labels(alert.labels)
        subject = self._subject(labels)
        episode = start if started_at else envelope.request_id
        ended_at = _ended_at(alert, webhook.status, envelope.arrived_at)
        sender = _sender(webhook, envelope)
        return Notification(
            short(key),
            short(episode),
            alert_type=name[:MAX_NAME_LENGTH],
            severity=severity,
            message=message,
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
        """Return the fingerprint of an alert, and the identifier of its episode."""
        start = f"{alert.startsAt:%Y-%m-%dT%H:%M:%S.%f}"
        own_key = alert.fingerprint or fingerprint(alert.labels)
        common_key = common_fingerprint(alert.labels, own_key, self._replicas)
        return common_key, start if common_key == own_key else replica_start(start, own_key)

    def _severity(self, severity: str) -> str:
        """Return openstats' severity for that of a sender."""
        return self._severities.get(severity.lower(), self._unknown_severity)

    def _stored_labels(self, labels: Mapping[str, str]) -> dict[str, str]:
        """Return the labels to store: those that the configuration names."""
        return {
            name: labels[name][:MAX_NAME_LENGTH] for name in self._stored_names if name in labels
        }

    def _alarm(self, document: object, envelope: Envelope) -> Delivery:
        """Return the notification of an alarm; none if its state is insufficient data.

        Aodh sends no time, and repeats a notification with the same request id. It names no
        subject, so the alert concerns everything that the receiver may report on.
        """
        alarm = _validated(Alarm, document)
        if alarm.current == "insufficient data":
            # The alarm's next state decides.
            return Delivery([])
        name, message, now = alarm.alarm_name, alarm.reason, envelope.arrived_at
        severity = self._severity(alarm.severity)
        notification = Notification(
            short(alarm.alarm_id),
            short(envelope.request_id),
            alert_type=name[:MAX_NAME_LENGTH],
            severity=severity,
            message=(message or name)[:MAX_TEXT_LENGTH],
            started_at=now,
            ended_at=now if alarm.current == "ok" else None,
            timeless=True,
        )
        return Delivery([notification])


def _message(annotations: Mapping[str, str], name: str) -> str:
    message = next((annotations[key] for key in MESSAGE_ANNOTATIONS if key in annotations), name)
    return message[:MAX_TEXT_LENGTH]


def _seconds(moment: datetime | None) -> int | None:
    """Return the Unix seconds of a time; None up to 1970: senders use year 1 and 1970 for none."""
    seconds = 0 if moment is None else int(moment.timestamp())
    return seconds if seconds > 0 else None


def _ended_at(alert: WebhookAlert, group_status: object, now: int) -> int | None:
    """Return when an alert was resolved; None while it fires."""
    ended_at = _seconds(alert.endsAt)
    if alert.status:
        is_over = alert.status == RESOLVED
    else:
        is_over = group_status == RESOLVED or (ended_at is not None and ended_at <= now)
    return (ended_at or now) if is_over else None


def _sender(webhook: Webhook, envelope: Envelope) -> str:
    """Return an id of the sender among independent ones; empty if senders are not independent."""
    if not envelope.independent:
        return ""
    url = webhook.externalURL if isinstance(webhook.externalURL, str) else ""
    return hashlib.sha256((url or envelope.address).encode()).hexdigest()[:SENDER_ID_LENGTH]


def _title(entry: object) -> str:
    """Return name and fingerprint of an unreadable alert, to find it in the sender's log."""
    fields = entry if isinstance(entry, Mapping) else {}
    labels = fields.get("labels")
    name = labels.get("alertname") if isinstance(labels, Mapping) else None
    return f"alert {name or DEFAULT_NAME!r:.80} with fingerprint {fields.get('fingerprint')!r:.40}"


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str | None:
    return next((labels[name] for name in names if name in labels), None)


def _validated(model: type[Model], document: object, location: Location = ()) -> Model:
    """Return a document as a model; ``location`` is where it is in the body."""
    try:
        return model.model_validate(document)
    except ValidationError as invalid:
        raise BodyError(*sentences(model, invalid, "field", location)) from None


def short(key: str) -> str:
    """Return a key that fits the store's columns: the key itself, or its hash if it is too long."""
    return key if len(key) <= MAX_NAME_LENGTH else hashlib.sha256(key.encode()).hexdigest()


def of_sender(sender: str, notifications: Sequence[Notification]) -> Sequence[Notification]:
    """Return notifications whose fingerprints are unique to their sender.

    Senders that share a receiver may use the same fingerprints. An empty ``sender`` does not share
    its receiver, and keeps its fingerprints.
    """
    if not sender:
        return notifications
    return [
        replace(notification, fingerprint=short(f"{sender}:{notification.fingerprint}"))
        for notification in notifications
    ]
