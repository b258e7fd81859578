"""Pagination: the parameters limit and marker, and the link to the next page."""

from typing import Annotated, Self
from urllib.parse import urlencode

from pydantic import BaseModel, Field, model_validator

from openstats.http.fields import AsInteger, Flag, Uuid
from openstats.http.parameters.query import query_pairs
from openstats.http.request import Request
from openstats.services.pages import Page

HEADER = "Link"
HEADERS = {HEADER: 'URL of the next page, as rel="next". Absent on the last page.'}


class PageParameters(BaseModel):
    """Parameters that divide a list into pages."""

    limit: Annotated[int, Field(ge=1, le=10000), AsInteger] | None = Field(
        None, description="Maximum entries per page. Default: all."
    )
    marker: Uuid | None = Field(None, description="Start after the entry with this UUID.")

    @property
    def requested_page(self) -> Page:
        """The page that the caller requests."""
        return Page(self.limit, self.marker)


class EachParameters(PageParameters):
    """Parameters of statistics that return either one sum or one entry for each object."""

    each: Flag = Field(False, description="Return one entry for each object instead of one sum.")

    @model_validator(mode="after")
    def _of_a_list(self) -> Self:
        names = [name for name in PageParameters.model_fields if name in self.model_fields_set]
        if names and not self.each:
            raise ValueError(f"{names[0]}: requires each=true: a single sum has no pages")
        return self


def next_link(request: Request, marker: str | None) -> dict[str, str]:
    """Return the header that links to the page after a marker; empty if the marker is None."""
    return {} if marker is None else link_header(request.query_string, marker)


def link_header(query: str, marker: str) -> dict[str, str]:
    """Return the header that links to the page after a marker."""
    return {HEADER: f'<{next_page(query, marker)}>; rel="next"'}


def next_page(query: str, marker: str) -> str:
    """Return the relative reference of the page after a marker: the query with a new marker."""
    pairs = [(name, value) for name, value in query_pairs(query) if name != "marker"]
    return f"?{urlencode([*pairs, ('marker', marker)])}"
