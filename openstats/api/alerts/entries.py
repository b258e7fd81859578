"""Alerts in the HTTP API: models, documents, and the filters of their list."""

from typing import Annotated, Any

from oslo_config import cfg
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from openstats.api.registry.documents import Document
from openstats.api.registry.filters import Text, storable
from openstats.api.registry.models import EXAMPLE, Moment
from openstats.api.registry.writers import Writer
from openstats.http.body import Body, OneFieldBody
from openstats.http.fields import Flag, Name, Uuid
from openstats.http.parameters.lists import ListParameters
from openstats.http.parameters.query import Repeated
from openstats.http.parameters.times import Seconds
from openstats.severities import Severity
from openstats.storage.alerts import caller_alerts
from openstats.storage.alerts.caller_alerts import PostedAlert
from openstats.storage.entries.alerts import StoredAlert
from openstats.storage.store import Database

MAX_MESSAGE_LENGTH = 4096


class AlertScope(OneFieldBody):
    """The object that an alert is about: exactly one of these."""

    customer: Uuid = ""
    project_group: Uuid = ""
    project: Uuid = ""
    tenant: Uuid = ""
    instance: Uuid = ""
    cloud: Uuid = ""


class Alert(BaseModel):
    """A problem, past or present. Callers who do not see everything get no labels."""

    uuid: Uuid
    severity: Severity
    alert_type: str
    message: str
    scope: AlertScope | None
    created_at: int
    closed_at: int | None
    acknowledged: bool
    source: str
    labels: dict[str, str] = {}


class NewAlert(Body):
    """An alert to open, or an update of the open alert with the same scope and type."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "severity": "Warning",
                    "alert_type": "invoice.overdue",
                    "message": "The invoice of October is overdue.",
                    "scope": {"customer": EXAMPLE},
                }
            ]
        }
    )

    severity: Severity = Field(description="Severity of the alert.")
    alert_type: Name = Field(description="Type of the problem, such as invoice.overdue.")
    message: Annotated[
        str,
        Field(max_length=MAX_MESSAGE_LENGTH, description="Description of the problem for people."),
        AfterValidator(storable),
    ]
    scope: AlertScope | None = Field(None, description="Object that the alert is about.")
    created_at: Moment = Field(0, description="Start of the alert in Unix seconds. Default: now.")


def _filter(text: str) -> Any:
    return Field(None, description=text)


def _several(text: str) -> Any:
    return Field((), description=text)


BELOW = "Only alerts on this {} or on an object below it. May be repeated."


class AlertFilters(ListParameters):
    """Filters of the list of alerts."""

    uuid: Repeated[Uuid] = _several("Only the alert with this UUID. May be repeated.")
    severity: Repeated[Severity] = _several("Only alerts of this severity. May be repeated.")
    alert_type: Repeated[Text] = _several("Only alerts of this type. May be repeated.")
    source: Repeated[Text] = _several(
        "Only alerts from this receiver, from API callers (api) or from openstats itself "
        "(openstats). May be repeated."
    )
    customer: Repeated[Uuid] = _several(BELOW.format("customer"))
    project_group: Repeated[Uuid] = _several(BELOW.format("project group"))
    project: Repeated[Uuid] = _several(BELOW.format("project"))
    tenant: Repeated[Uuid] = _several(BELOW.format("tenant"))
    instance: Repeated[Uuid] = _several("Only alerts on this instance. May be repeated.")
    cloud: Repeated[Uuid] = _several(BELOW.format("cloud"))
    opened: Flag | None = _filter("Only open alerts, or only closed ones.")
    acknowledged: Flag | None = _filter("Only acknowledged alerts, or only others.")
    start: Seconds | None = Field(
        None,
        alias="from",
        description="Only alerts not closed before this time, in Unix seconds or ISO 8601.",
    )
    end: Seconds | None = Field(
        None,
        alias="to",
        description="Only alerts created before this time, in Unix seconds or ISO 8601.",
    )


class AlertWriter(Writer[NewAlert, PostedAlert]):
    """Writes alerts that callers post; at most one is open for each scope and type."""

    updates_on_post = True

    def values(self, _conf: cfg.ConfigOpts, body: NewAlert) -> PostedAlert:
        """Return the posted alert."""
        return PostedAlert(
            severity=body.severity,
            alert_type=body.alert_type,
            message=body.message,
            subject=body.scope.only_field() if body.scope else None,
            created_at=body.created_at if "created_at" in body.model_fields_set else None,
        )

    def existing(self, db: Database, values: PostedAlert) -> str | None:
        """Return the uuid of the open alert of the same scope and type."""
        return caller_alerts.find(db, values)

    def save(self, db: Database, uuid: str, values: PostedAlert, now: int) -> None:
        """Open the alert, or update it."""
        caller_alerts.post(db, uuid, values, now)


def document(row: StoredAlert) -> Document:
    """Return an alert: labels only if the caller may see them, its type for a hidden message."""
    entry: Document = {
        "uuid": row.uuid,
        "severity": row.severity,
        "alert_type": row.alert_type,
        "message": row.alert_type if row.message is None else row.message,
        "scope": dict([row.subject]) if row.subject else None,
    }
    entry |= {
        "created_at": row.created_at,
        "closed_at": row.closed_at,
        "acknowledged": row.acknowledged_at is not None,
        "source": row.source,
    }
    return entry if row.labels is None else entry | {"labels": row.labels}
