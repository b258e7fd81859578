"""View of usage: CPU, memory and storage used by customers, groups and projects."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, Field

from openstats.http.answer import Answer
from openstats.http.fields import Flag
from openstats.http.headers import BASIS, COMPLETE_UNTIL
from openstats.http.parameters.pagination import PageParameters, next_link
from openstats.http.parameters.statistics import AggregateParameters
from openstats.http.parameters.times import DatapointParameters
from openstats.http.request import Request
from openstats.meters import USAGE
from openstats.names import escaped
from openstats.services import usage
from openstats.services.usage import UsageQuery, UsageReport
from openstats.statistics import usage as statistic
from openstats.unix_time import HOUR

PERIOD = HOUR
HEADERS = {
    BASIS: "Whether what is counted is allocated or used.",
    COMPLETE_UNTIL: "Unix seconds until which all clouds were read.",
}
UNITS = ", ".join(dict.fromkeys(f"{meter.item} in {meter.unit}" for meter in USAGE))


class UsageParameters(PageParameters, DatapointParameters, AggregateParameters):
    """The parameters of usage."""

    item: Literal["cpu", "memory", "storage", "vcpu_hours"] = Field(
        description=f"What to measure: {UNITS}."
    )
    basis: Literal["allocated", "used"] | None = Field(
        None,
        description="Count what is allocated to instances, or what their guests use. Default: the "
        "option [usage] basis.",
    )
    deleted: Flag = Field(False, description="Include deleted objects.")
    fill: Literal["null"] | None = Field(
        None,
        description="Return null where usage is unknown, instead of the sum of what is known.",
    )
    adding: Literal["uuid", "observed", "uuid,observed", "observed,uuid"] | None = Field(
        None,
        alias="with",
        description="Add uuids (uuid), the share of each interval that was observed (observed), "
        "or both (uuid,observed).",
    )

    def adds(self, name: str) -> bool:
        """Return whether ``with`` requests an optional part of the response."""
        return name in (self.adding or "").split(",")

    def query(self, now: int, default_basis: str) -> UsageQuery:
        """Return the query for the usage report, over objects that existed in the period."""
        edges = self.edges(now, PERIOD)
        return UsageQuery(
            item=self.item,
            basis=self.basis,
            default_basis=default_basis,
            edges=edges,
            selection=replace(self.selection(), since=edges[0], deleted=self.deleted),
            page=self.requested_page,
            with_shares=self.strict or self.adds("observed"),
        )


class UsageDatapoint(BaseModel):
    """The use in one interval, which includes from and excludes to."""

    start: int = Field(alias="from")
    end: int = Field(alias="to")
    value: float | None = Field(description="null only with fill=null.")
    observed: float = Field(
        1,
        ge=0,
        le=1,
        description="Only with=observed: observed share of the interval.",
    )


class UsageOfObject(BaseModel):
    """The use of one object, by interval."""

    name: str
    datapoints: list[UsageDatapoint]
    uuid: str = Field("", description="Only with=uuid.")
    customer: str = Field("", description="Only with=uuid, of groups and projects.")


def view(request: Request, parameters: UsageParameters) -> Answer:
    """Return what each selected object used, by interval."""
    options = request.conf["usage"]
    query = parameters.query(request.now, options.basis)
    report = usage.report(
        request.store, request.scope, query, max_datapoints=options.max_datapoints
    )
    document = statistic.listing(
        report.objects,
        query.edges,
        report.figures,
        with_uuid=parameters.adds("uuid"),
        fill_null=parameters.fill == "null",
        observed=report.shares if parameters.adds("observed") else None,
    )
    headers = _headers(report) | next_link(request, report.next_marker)
    unobserved = parameters.future(request.now) or _unobserved(report, query.edges)
    return Answer(document, report.coverage, headers, unobserved)


def _unobserved(report: UsageReport, edges: Sequence[int]) -> str:
    """Return a sentence about the least observed object and interval; empty if all is observed."""
    shares = report.shares
    if shares is None or not shares.size or shares.min() == 1:
        return ""
    piece, column = divmod(int(shares.argmin()), shares.shape[1])
    name, share = escaped(report.objects[column].name), shares[piece, column]
    period = f"the time from {edges[piece]} to {edges[piece + 1]}"
    return f"'{name}' was observed for {share:.0%} of {period}"


def _headers(report: UsageReport) -> dict[str, str]:
    headers = {BASIS: report.meter.basis}
    if report.coverage.oldest is not None:
        headers[COMPLETE_UNTIL] = str(report.coverage.oldest)
    return headers
