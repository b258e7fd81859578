"""Creation time: how many customers, projects or project groups were created, by interval."""

from typing import Any

from pydantic import BaseModel, Field

from openstats.api.answer import Answer
from openstats.api.parameters import Aggregate, Timed
from openstats.statistics import creation as statistic
from openstats.storage import coverage, creation

PERIOD = 30 * 86400


class CreationParameters(Timed):
    """What creation-time takes."""

    type: Aggregate = Field(description="What to count.")


class Datapoint(BaseModel):
    """A count of one interval: from included, to not."""

    start: int = Field(alias="from")
    end: int = Field(alias="to")
    value: int


def view(request: Any, parameters: CreationParameters) -> Answer:
    """Count by interval."""
    interval = parameters.interval(request.now, PERIOD)
    with request.store.read() as db:
        counts = creation.counts(db, request.scope, parameters.type, interval)
        known = coverage.of_polls(db, request.scope, "discovery")
    return Answer(statistic.datapoints(interval, counts), known)
