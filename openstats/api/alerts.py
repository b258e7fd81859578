"""Alerts over HTTP: what one looks like, what is posted, and what a list is filtered by."""

from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from openstats.alerts import Severity
from openstats.api.body import Body, Single
from openstats.api.filters import Texts, Uuids, storable
from openstats.api.parameters import Flag, Listed, Name, Uuid, few
from openstats.api.registry import EXAMPLE, Moment
from openstats.api.times import Seconds
from openstats.storage.alert_schema import OWNERS

LONGEST = 4096


class AlertScope(Single):
    """What an alert is of: exactly one of these."""

    customer: Uuid = ""
    project_group: Uuid = ""
    project: Uuid = ""
    tenant: Uuid = ""
    instance: Uuid = ""
    cloud: Uuid = ""


class Alert(BaseModel):
    """Something that is wrong, or was; labels are shown to who sees everything."""

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
    """An alert to open; the open one of the same scope and type is brought up to date instead."""

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

    severity: Severity
    alert_type: Name
    message: Annotated[str, Field(max_length=LONGEST), AfterValidator(storable)]
    scope: AlertScope | None = None
    created_at: Moment = 0


def _filter(text: str) -> Any:
    return Field(None, description=text)


def _several(text: str) -> Any:
    return Field((), description=text)


BELOW = "Only those of this one, or below it; may be repeated."


class AlertFilters(Listed):
    """What the list of alerts is filtered by."""

    repeatable: ClassVar[frozenset[str]] = frozenset(
        {"uuid", "severity", "alert_type", "source", "instance", *OWNERS}
    )

    uuid: Uuids = _several("Only this one; may be repeated.")
    severity: Annotated[tuple[Severity, ...], AfterValidator(few)] = _several(
        "Only those of this severity; may be repeated."
    )
    alert_type: Texts = _several("Only those of this type; may be repeated.")
    source: Texts = _several(
        "Only those of this receiver, of 'api' or of 'openstats'; may be repeated."
    )
    customer: Uuids = _several(BELOW)
    project_group: Uuids = _several(BELOW)
    project: Uuids = _several(BELOW)
    tenant: Uuids = _several(BELOW)
    instance: Uuids = _several("Only those of this one; may be repeated.")
    cloud: Uuids = _several(BELOW)
    opened: Flag | None = _filter("Only those that are open, or that are not.")
    acknowledged: Flag | None = _filter("Only those somebody knows of, or not.")
    start: Seconds | None = Field(
        None, alias="from", description="Only those active then or later; Unix seconds or ISO 8601."
    )
    end: Seconds | None = Field(None, alias="to", description="Only those created before.")
