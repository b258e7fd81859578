"""Times in query strings: moments, time zones, periods and their division into intervals.

All other types of parameters are in ``parameters``.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    ValidationInfo,
    model_validator,
)
from pydantic.functional_validators import ModelWrapValidatorHandler

from openstats.conf import zones
from openstats.errors import ParameterError
from openstats.http.fields import INTEGER, AsInteger, integer
from openstats.http.parameters.statistics import StatisticParameters
from openstats.http.validation import excerpt
from openstats.model import Interval
from openstats.statistics import interval
from openstats.unix_time import LATEST

MAX_EDGES = 1001
"""Maximum number of interval edges in a response."""

DATAPOINTS = 6
BEGIN = (
    "Start of the period, in Unix seconds or ISO 8601. Default: one hour (usage), one day (alert) "
    "or 30 days (creation-time) before its end."
)
END = "End of the period, in Unix seconds or ISO 8601. Default: now."
EXAMPLES = [1795305600], ["2026-11-22T00:00:00Z"]
NO_TIME = "must be Unix seconds or ISO 8601"


def unix_seconds(value: object, zone: str | None = None) -> int:
    """Return Unix seconds; ISO 8601 without an offset is in ``zone``, by default UTC.

    Raises:
        ValueError: the value is neither Unix seconds nor ISO 8601.
    """
    text = str(value)
    if INTEGER.fullmatch(text):
        return integer(text)
    moment = _parse_moment(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone or "UTC"))
    return int(moment.timestamp())


def _parse_moment(text: str) -> datetime:
    try:
        # RFC 3339 allows t and z.
        return datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(_reason(text)) from None


def _reason(text: str) -> str:
    """Return why a text is not a time; an unescaped + has become a space."""
    date, space, offset = text.rpartition(" ")
    try:
        datetime.fromisoformat(f"{date}+{offset}".upper())
    except ValueError:
        return NO_TIME
    return f"{NO_TIME}; in a URL, + means a space: write %2B{offset}" if space else NO_TIME


def _is_local(text: str) -> bool:
    """Return whether a text is ISO 8601 without an offset."""
    return not INTEGER.fullmatch(text) and _parse_moment(text).tzinfo is None


def _seconds(value: object, info: ValidationInfo) -> int:
    return unix_seconds(value, info.data.get("zone"))


def _in_time(value: int) -> int:
    if value > LATEST:
        raise ValueError(f"must be at most {LATEST}: is the value in milliseconds?")
    if value < 0:
        raise ValueError("must not be before 1970")
    return value


def _zone(value: str) -> str:
    try:
        return zones.named(value).key
    except ValueError:
        raise ValueError("must be the name of a time zone, such as Europe/Berlin") from None


Seconds = Annotated[
    int,
    BeforeValidator(
        _seconds,
        json_schema_input_type=Annotated[int, Field(ge=0, le=LATEST, examples=EXAMPLES[0])]
        | Annotated[str, Field(examples=EXAMPLES[1])],
    ),
    AfterValidator(_in_time),
]
Zone = Annotated[str, AfterValidator(_zone)]


class PeriodParameters(StatisticParameters):
    """Parameters of statistics of a period."""

    # Must precede from and to, whose validation uses it.
    zone: Zone | None = Field(
        None,
        alias="tz",
        description="Time zone of interval, and of from and to without an offset. Default: UTC.",
    )
    start: Seconds | None = Field(None, alias="from", description=BEGIN)
    end: Seconds | None = Field(None, alias="to", description=END)
    every: Literal["hour", "day", "month"] | None = Field(
        None,
        alias="interval",
        description="Divide the period into calendar hours, days or months of tz.",
    )

    _texts: dict[str, str] = PrivateAttr(default_factory=dict)
    """from and to as the caller wrote them, for error messages."""

    @model_validator(mode="wrap")
    @classmethod
    def _zone_is_used(
        cls, values: Mapping[str, object], handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        parameters = handler(values)
        parameters._texts = {name: str(values[name]) for name in ("from", "to") if name in values}
        has_local_time = any(map(_is_local, parameters._texts.values()))
        if parameters.zone and not parameters.every and not has_local_time:
            raise ValueError(
                f"tz={parameters.zone}: has no effect without interval, or from or to in ISO 8601 "
                "without a zone: add one of them, or leave tz out"
            )
        return parameters

    def _excerpt(self, name: str) -> str:
        return excerpt(self._texts.get(name, ""))

    def future(self, now: int) -> str:
        """Return a sentence if the period ends in the future; otherwise an empty string."""
        is_late = self.end is not None and self.end > now + 1
        return f"to={self._excerpt('to')} is later than now, {now}" if is_late else ""

    def bounds(self, now: int, period: int) -> tuple[int, int]:
        """Return from and to, in Unix seconds; the period is ``period`` seconds by default.

        Raises:
            ParameterError: from is not before to.
        """
        end = now if self.end is None else self.end
        start = max(0, end - period) if self.start is None else self.start
        if start >= end:
            end_text = f"to={self._excerpt('to')}" if self.end is not None else "now"
            start_text = self._excerpt("from") or start
            raise ParameterError(f"from={start_text}: must be before {end_text}")
        return start, end

    def calendar(self, now: int, period: int) -> list[int]:
        """Return the edges of the hours, days or months of ``interval``, which must be given.

        Raises:
            ParameterError: there are too many edges, or from is not before to.
        """
        start, end = self.bounds(now, period)
        edges = interval.calendar(start, end, str(self.every), self.zone or "UTC", MAX_EDGES)
        if len(edges) > MAX_EDGES:
            raise ParameterError(
                f"interval={self.every}: the period from {start} to {end} has more than "
                f"{MAX_EDGES - 1} of them: ask for a shorter period or a longer interval"
            )
        return edges


class DatapointParameters(PeriodParameters):
    """Parameters of statistics that divide a period into equal or calendar intervals."""

    # No default: clients would send it along with interval.
    datapoints: Annotated[int, Field(ge=1, le=1000), AsInteger] | None = Field(
        None,
        description=f"Divide the period into this many equal intervals. Default: {DATAPOINTS}. "
        "Cannot be combined with interval.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.every and self.datapoints:
            raise ValueError(
                f"datapoints: cannot be combined with interval={self.every}: give one of them"
            )
        return self

    def interval(self, now: int, period: int) -> Interval:
        """Return the period, divided into equal intervals.

        Raises:
            ParameterError: the period is empty, or has fewer seconds than datapoints.
        """
        start, end = self.bounds(now, period)
        datapoints = self.datapoints or DATAPOINTS
        if datapoints > end - start:
            raise ParameterError(
                f"datapoints={datapoints}: must be at most {end - start}, one per second"
            )
        return Interval(start, end, datapoints)

    def edges(self, now: int, period: int) -> list[int]:
        """Return the edges of the intervals, which are equal or those of the calendar.

        Raises:
            ParameterError: the period is empty, or has too many intervals.
        """
        if self.every:
            return self.calendar(now, period)
        return interval.edges(self.interval(now, period))
