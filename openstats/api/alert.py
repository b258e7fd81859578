"""Alert: how many alerts were active, by severity; of everything, or by aggregate object."""

from typing import Any

from pydantic import BaseModel, Field, create_model

from openstats.alerts import SEVERITIES
from openstats.api.answer import Answer
from openstats.api.parameters import Bounded, Flag, Selecting
from openstats.model import Selection
from openstats.statistics import alert as statistic
from openstats.storage import alerts, coverage

PERIOD = 86400


class AlertParameters(Selecting, Bounded):
    """What alert takes."""

    each: Flag = Field(False, description="One entry for each object instead of one sum.")
    opened: Flag | None = Field(None, description="Only those that are open, or that are not.")
    acknowledged: Flag | None = Field(None, description="Only those somebody knows of, or not.")

    def asked(self) -> Selection | None:
        """Say of which objects alerts are counted; None for all that can be seen."""
        named = {"aggregate", "uuid"} & self.model_fields_set
        return self.selection() if named else None


AlertFigures: type[BaseModel] = create_model(
    "AlertFigures",
    **dict.fromkeys(SEVERITIES, (int, ...)),  # type: ignore[call-overload]
)
AlertsOfObject: type[BaseModel] = create_model(
    "AlertsOfObject", __base__=AlertFigures, uuid=(str, ...), name=(str, ...)
)


def view(request: Any, parameters: AlertParameters) -> Answer:
    """Count over everything selected, or by object."""
    # What was created in this very second counts.
    bounds = parameters.bounds(request.now + 1, PERIOD)
    flags = parameters.opened, parameters.acknowledged
    with request.store.read() as db:
        known = coverage.of_polls(db, request.scope, "quotas")
        if not parameters.each:
            found = alerts.count(db, request.scope, parameters.asked(), bounds, flags)
            return Answer(statistic.summary(found), known)
        listed = alerts.each(db, request.scope, parameters.selection(), bounds, flags)
    document = [
        {"uuid": of.uuid, "name": of.name} | statistic.summary(counts) for of, counts in listed
    ]
    return Answer(document, known)
