"""Creation time: how many customers, projects or project groups were created, by interval."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from openstats.http.answer import Answer
from openstats.http.parameters import Aggregate
from openstats.http.times import DatapointParameters
from openstats.model import Interval
from openstats.statistics import creation_time as statistic
from openstats.storage import coverage
from openstats.storage.counts import creation_time
from openstats.storage.store import Database
from openstats.unix_time import DAY

PERIOD = 30 * DAY


class CreationParameters(DatapointParameters):
    """What creation-time takes."""

    type: Aggregate = Field(description="Kind of object to count.")


DATED_BY = ("discovery", "instances", "volumes")
"""Kinds of polls that tell when objects were created."""


class Datapoint(BaseModel):
    """A count of one interval: from included, to not."""

    start: int = Field(alias="from")
    end: int = Field(alias="to")
    value: int


def view(request: Any, parameters: CreationParameters) -> Answer:
    """Count by interval."""
    edges = parameters.edges(request.now, PERIOD)
    with request.store.read() as db:
        counts = _counts(db, request, parameters, edges)
        known = coverage.of_polls(db, request.scope, *DATED_BY)
    document = statistic.datapoints(edges, counts)
    return Answer(document, known, unobserved=parameters.future(request.now))


def _counts(
    db: Database, request: Any, parameters: CreationParameters, edges: Sequence[int]
) -> Mapping[int, int]:
    """Return counts by piece: of equal pieces the store makes them, of a calendar's we do."""
    if parameters.every is None:
        interval = Interval(edges[0], edges[-1], len(edges) - 1)
        return creation_time.counts(db, request.scope, parameters.type, interval)
    dates = creation_time.dates(db, request.scope, parameters.type, edges[0], edges[-1])
    return statistic.by_piece(edges, dates)
