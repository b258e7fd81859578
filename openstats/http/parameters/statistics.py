"""Models of parameters that several statistics have."""

from typing import Literal

from pydantic import BaseModel, Field

from openstats.http.fields import Flag, Uuid
from openstats.http.parameters.query import MAX_REPETITIONS, Query, Repeated
from openstats.model import Selection

Aggregate = Literal["customer", "project", "project_group"]


class StatisticParameters(Query):
    """Parameters of every statistic."""

    strict: Flag = Field(False, description="Fail with 503 if any of the figures is unknown.")


class UuidParameters(StatisticParameters):
    """Parameters of statistics that can be restricted to some objects."""

    uuid: Repeated[Uuid] = Field(
        (),
        description="Only the object with this UUID. "
        f"May be repeated up to {MAX_REPETITIONS} times.",
    )


class AggregateParameters(UuidParameters):
    """Parameters of statistics of aggregates."""

    aggregate: Aggregate = Field(
        "customer", description="Kind of object to sum by. Default: customer."
    )

    def selection(self) -> Selection:
        """Return the selected objects."""
        return Selection(self.aggregate, self.uuid)


class UnlimitedParameters(BaseModel):
    """Parameters of sums whose members may have no limit."""

    unlimited: Literal["skip"] | None = Field(
        None, description="Exclude unlimited members from sums. Otherwise such sums are -1."
    )

    @property
    def skip_unlimited(self) -> bool:
        """Whether unlimited members are left out."""
        return self.unlimited == "skip"
