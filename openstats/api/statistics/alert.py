"""View of alert: numbers of active alerts by severity, in total or by aggregate object."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from pydantic import BaseModel, Field, create_model

from openstats.alerts import StatusFilter
from openstats.http.answer import Answer
from openstats.http.fields import Flag
from openstats.http.parameters.pagination import EachParameters, next_link
from openstats.http.parameters.statistics import Aggregate, UuidParameters
from openstats.http.parameters.times import PeriodParameters
from openstats.http.request import Request
from openstats.model import ObjectName, Selection
from openstats.services import alert_counts
from openstats.severities import SEVERITIES
from openstats.statistics.alert import datapoints, summary
from openstats.unix_time import DAY

PERIOD = DAY


class AlertParameters(EachParameters, UuidParameters, PeriodParameters):
    """The parameters of alert."""

    # No default: without aggregate, uuid and each, all alerts count, not only those of customers.
    aggregate: Aggregate | None = Field(
        None,
        description="Count only alerts that belong to an object of this kind. Default: all alerts; "
        "with uuid or each, those of customers.",
    )
    deleted: Flag = Field(False, description="With each: include deleted objects.")
    opened: Flag | None = Field(None, description="Only open alerts, or only closed ones.")
    acknowledged: Flag | None = Field(None, description="Only acknowledged alerts, or only others.")

    def selection(self) -> Selection:
        """Return the selected objects."""
        return Selection(self.aggregate or "customer", self.uuid)

    @property
    def status(self) -> StatusFilter:
        """The states of alerts that count."""
        return StatusFilter(self.opened, self.acknowledged)

    def intervals(self, now: int) -> list[tuple[int, int]]:
        """Return the intervals: the whole period, or its hours, days or months."""
        # now + 1, so that alerts created in this very second count.
        if self.every:
            return list(pairwise(self.calendar(now + 1, PERIOD)))
        return [self.bounds(now + 1, PERIOD)]

    def figures(
        self, intervals: Sequence[alert_counts.Interval], counts: Sequence[Mapping[str, int]]
    ) -> list[dict[str, int]] | dict[str, int]:
        """Return the figures of the whole period, or one datapoint for each interval."""
        return datapoints(intervals, counts) if self.every else summary(counts[0])


FIGURES: dict[str, Any] = dict.fromkeys(SEVERITIES, (int, ...))
AlertFigures: type[BaseModel] = create_model("AlertFigures", **FIGURES)
AlertsOfObject: type[BaseModel] = create_model(
    "AlertsOfObject", __base__=AlertFigures, uuid=(str, ...), name=(str, ...)
)
AlertDatapoint: type[BaseModel] = create_model(
    "AlertDatapoint",
    __base__=AlertFigures,
    start=(int, Field(alias="from")),
    end=(int, Field(alias="to")),
)


class AlertSeries(BaseModel):
    """Numbers of active alerts of one object, by interval."""

    uuid: str
    name: str
    datapoints: list[AlertDatapoint]  # type: ignore[valid-type]


AlertAnswer: Any = (
    AlertFigures | list[AlertsOfObject] | list[AlertDatapoint] | list[AlertSeries]  # type: ignore[valid-type]
)
"""The response without each and interval, with each, with interval, and with both."""


def view(request: Request, parameters: AlertParameters) -> Answer:
    """Return counts in total or by object, for the whole period or by interval."""
    store, scope, status = request.store, request.scope, parameters.status
    intervals = parameters.intervals(request.now)
    selection = replace(parameters.selection(), since=intervals[0][0], deleted=parameters.deleted)
    future = parameters.future(request.now)
    if not parameters.each:
        # Without aggregate and uuid, all visible alerts count.
        selected = selection if parameters.aggregate or parameters.uuid else None
        counts, coverage = alert_counts.total(store, scope, selected, intervals, status)
        return Answer(parameters.figures(intervals, counts), coverage, unobserved=future)
    page, limit = parameters.requested_page, request.conf["usage"].max_datapoints
    report = alert_counts.by_object(
        store, scope, selection, intervals, status, page, max_datapoints=limit
    )
    document = []
    for name, object_counts in report.entries:
        document.append(_entry(name, parameters.figures(intervals, object_counts)))
    return Answer(document, report.coverage, next_link(request, report.next_marker), future)


def _entry(name: ObjectName, figures: list[dict[str, int]] | dict[str, int]) -> dict[str, object]:
    entry: dict[str, object] = {"uuid": name.uuid, "name": name.name}
    return entry | ({"datapoints": figures} if isinstance(figures, list) else figures)
