"""View of customer: numbers of projects, groups and instances of each customer."""

from typing import Literal

from pydantic import BaseModel, Field

from openstats.http.answer import Answer
from openstats.http.parameters.pagination import PageParameters, next_link
from openstats.http.parameters.statistics import UuidParameters
from openstats.http.request import Request
from openstats.services import customer
from openstats.statistics import customer as statistic


class CustomerParameters(PageParameters, UuidParameters):
    """The parameters of customer."""

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


def view(request: Request, parameters: CustomerParameters) -> Answer:
    """Return the counts of each visible customer."""
    page = parameters.requested_page
    report = customer.report(request.store, request.scope, parameters.uuid, page)
    document = statistic.listing(report.customers, with_uuid=parameters.adding == "uuid")
    return Answer(document, report.coverage, next_link(request, report.next_marker))
