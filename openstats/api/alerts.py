"""Alerts over HTTP: what one looks like, what is posted, and what a list is filtered by."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from openstats.alerts import Severity
from openstats.api.body import Body, Single
from openstats.api.filters import Text, storable
from openstats.api.parameters import Flag, Listed, Name, Uuid
from openstats.api.registry import EXAMPLE, Moment
from openstats.api.times import Seconds

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


BELOW = "Only those of this one, or below it."


class AlertFilters(Listed):
    """What the list of alerts is filtered by."""

    uuid: Uuid | None = _filter("Only this one.")
    severity: Severity | None = _filter("Only those of this severity.")
    alert_type: Text | None = _filter("Only those of this type.")
    source: Text | None = _filter("Only those of this receiver, of 'api' or of 'openstats'.")
    customer: Uuid | None = _filter(BELOW)
    project_group: Uuid | None = _filter(BELOW)
    project: Uuid | None = _filter(BELOW)
    tenant: Uuid | None = _filter(BELOW)
    instance: Uuid | None = _filter("Only those of this one.")
    cloud: Uuid | None = _filter(BELOW)
    opened: Flag | None = _filter("Only those that are open, or that are not.")
    acknowledged: Flag | None = _filter("Only those somebody knows of, or not.")
    start: Seconds | None = Field(
        None, alias="from", description="Only those active then or later; Unix seconds or ISO 8601."
    )
    end: Seconds | None = Field(None, alias="to", description="Only those created before.")
