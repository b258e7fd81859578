"""View of creation-time: numbers of customers, projects or groups created, by interval."""

from pydantic import BaseModel, Field

from openstats.http.answer import Answer
from openstats.http.parameters.statistics import Aggregate
from openstats.http.parameters.times import DatapointParameters
from openstats.http.request import Request
from openstats.services import creation_time
from openstats.statistics import creation_time as statistic
from openstats.unix_time import DAY

PERIOD = 30 * DAY


class CreationParameters(DatapointParameters):
    """The parameters of creation-time."""

    type: Aggregate = Field(description="Kind of object to count.")


class Datapoint(BaseModel):
    """The count of one interval, which includes from and excludes to."""

    start: int = Field(alias="from")
    end: int = Field(alias="to")
    value: int


def view(request: Request, parameters: CreationParameters) -> Answer:
    """Return the number of objects created in each interval."""
    edges = parameters.edges(request.now, PERIOD)
    equal = parameters.every is None
    counts, coverage = creation_time.report(
        request.store, request.scope, parameters.type, edges, equal=equal
    )
    document = statistic.datapoints(edges, counts)
    return Answer(document, coverage, unobserved=parameters.future(request.now))
