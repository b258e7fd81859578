"""Customer: how many projects, groups and instances each customer has."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from openstats.api.answer import Answer
from openstats.api.parameters import Paged, Parameters
from openstats.statistics import customer as statistic
from openstats.storage import coverage, customer


class CustomerParameters(Paged, Parameters):
    """What customer takes."""

    adding: Literal["uuid"] | None = Field(None, alias="with", description="Add the uuid.")


class CustomerFigures(BaseModel):
    """One customer."""

    name: str
    projects: int
    project_groups: int
    instances: int
    uuid: str = Field("", description="Only with=uuid.")


def view(request: Any, parameters: CustomerParameters) -> Answer:
    """List the visible customers."""
    with request.store.read() as db:
        found = customer.listing(
            db, request.scope, limit=parameters.limit, marker=parameters.marker
        )
        known = coverage.of_polls(db, request.scope, "instances")
    return Answer(statistic.listing(found, with_uuid=parameters.adding == "uuid"), known)
