"""Customer: how many projects, groups and instances each customer has."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from openstats.http.answer import Answer
from openstats.http.pagination import PageParameters
from openstats.http.parameters import UuidParameters
from openstats.model import Selection
from openstats.statistics import customer as statistic
from openstats.storage import coverage
from openstats.storage.counts import customer


class CustomerParameters(PageParameters, UuidParameters):
    """What customer takes."""

    adding: Literal["uuid"] | None = Field(
        None, alias="with", description="Add the UUID of each customer."
    )


class CustomerFigures(BaseModel):
    """One customer."""

    name: str
    projects: int
    project_groups: int
    instances: int
    uuid: str = Field("", description="Only with=uuid.")


def view(request: Any, parameters: CustomerParameters) -> Answer:
    """List the visible customers."""
    selection = Selection("customer", parameters.uuid)
    with request.store.read() as db:
        page = parameters.page(request, db, selection)
        counts = customer.listing(db, request.scope, selection, **page)
        link = parameters.link(request, db, selection, [of.customer for of in counts])
        known = coverage.of_polls(db, request.scope, "instances")
    return Answer(statistic.listing(counts, with_uuid=parameters.adding == "uuid"), known, link)
