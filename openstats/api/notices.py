"""Notices: what Alertmanager's webhooks and Aodh's notifier send, read into plain values."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from openstats.alerts import Labelled, Notice
from openstats.api.parameters import sentences
from openstats.errors import BodyError

LONGEST_NAME, LONGEST_TEXT = 255, 4096
UNNAMED = "alert"
MESSAGES = ("summary", "description", "message", "title")
"""Annotations, by what they are called as a rule; the first that there is, is the message."""


def _storable(text: str) -> str:
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _universal(told: datetime) -> datetime:
    try:
        return told.astimezone(UTC) if told.tzinfo else told.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("it takes a time between the years 1 and 9999 in UTC") from None


Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[datetime, AfterValidator(_universal)]
Model = TypeVar("Model", bound=BaseModel)


class Sent(BaseModel):
    """One alert in a webhook of Alertmanager's; whatever else it says is left aside."""

    status: Literal["firing", "resolved"]
    fingerprint: Annotated[Text, Field(min_length=1)]
    startsAt: Moment  # noqa: N815 (their name)
    endsAt: Moment | None = None  # noqa: N815
    labels: dict[Text, Text] = {}
    annotations: dict[Text, Text] = {}


class Webhook(BaseModel):
    """A webhook of Alertmanager's, version 4."""

    alerts: list[Any]
    truncatedAlerts: Annotated[int, Field(ge=0)] = 0  # noqa: N815


class Alarm(BaseModel):
    """What Aodh's REST notifier sends when an alarm is in another state."""

    alarm_id: Annotated[Text, Field(min_length=1)]
    alarm_name: Text = UNNAMED
    severity: Text = ""
    current: Literal["ok", "alarm", "insufficient data"]
    reason: Text = ""


class Received(NamedTuple):
    """What a request told; who sent it left ``truncated`` out, and ``refused`` made no sense."""

    notices: list[Notice]
    truncated: int = 0
    refused: int = 0


class Reader:
    """Reads what receivers are sent, as [alerts] says."""

    def __init__(self, options: Any) -> None:
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

    def alertmanager(self, document: Any, _request_id: str, now: int) -> Received:
        """Read a webhook; an alert that makes no sense does not spoil the others.

        Raises:
            BodyError: nothing in it can be read.
        """
        webhook = _validated(Webhook, document)
        notices, refused = [], None
        for entry in webhook.alerts:
            try:
                notices.append(self._sent(_validated(Sent, entry), now))
            except BodyError as error:
                refused = error
        if refused and not notices:
            raise refused
        return Received(notices, webhook.truncatedAlerts, len(webhook.alerts) - len(notices))

    def _sent(self, sent: Sent, now: int) -> Notice:
        ended = now if sent.endsAt is None else int(sent.endsAt.timestamp())
        resolved = sent.status == "resolved"
        name = sent.labels.get("alertname", "") or UNNAMED
        message = next((sent.annotations[n] for n in MESSAGES if n in sent.annotations), name)
        return Notice(
            fingerprint=short(sent.fingerprint),
            start=f"{sent.startsAt:%Y-%m-%dT%H:%M:%S.%f}",
            alert_type=name[:LONGEST_NAME],
            severity=self.severity(sent.labels.get("severity", "")),
            message=message[:LONGEST_TEXT],
            started_at=int(sent.startsAt.timestamp()),
            ended_at=ended if resolved else None,
            labels=self.kept(sent.labels),
        )

    def aodh(self, document: Any, request_id: str, now: int) -> Received:
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
            start=short(request_id),
            alert_type=alarm.alarm_name[:LONGEST_NAME],
            severity=self.severity(alarm.severity),
            message=(alarm.reason or alarm.alarm_name)[:LONGEST_TEXT],
            started_at=now,
            ended_at=now if alarm.current == "ok" else None,
            vague=True,
        )
        return Received([notice])

    def of(self, kind: str) -> Callable[[Any, str, int], Received]:
        """Give what reads the documents of a kind of receiver."""
        return {"alertmanager": self.alertmanager, "aodh": self.aodh}[kind]


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
