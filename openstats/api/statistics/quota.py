"""View of quota: limits and use, by customer, project or project group."""

from typing import Any

from pydantic import BaseModel, create_model

from openstats.http.answer import Answer
from openstats.http.parameters.pagination import EachParameters, next_link
from openstats.http.parameters.statistics import AggregateParameters, UnlimitedParameters
from openstats.http.request import Request
from openstats.meters import QUOTA_NAMES
from openstats.services import quota
from openstats.statistics import quota as statistic


class QuotaParameters(UnlimitedParameters, EachParameters, AggregateParameters):
    """The parameters of quota."""


FIGURES: dict[str, Any] = {
    f"{name}{part}": (int, ...) for part in ("", "_usage") for name in QUOTA_NAMES
}
QuotaFigures: type[BaseModel] = create_model("QuotaFigures", **FIGURES)
QuotaOfObject: type[BaseModel] = create_model(
    "QuotaOfObject", __base__=QuotaFigures, uuid=(str, ...), name=(str, ...)
)


def view(request: Request, parameters: QuotaParameters) -> Answer:
    """Return the sums over all selected objects, or by object."""
    store, scope, selection = request.store, request.scope, parameters.selection()
    skip = parameters.skip_unlimited
    if not parameters.each:
        sums, coverage = quota.total(store, scope, selection)
        return Answer(statistic.summary(sums, skip_unlimited=skip), coverage)
    report = quota.by_object(store, scope, selection, parameters.requested_page)
    document = [
        {"uuid": name.uuid, "name": name.name} | statistic.summary(sums, skip_unlimited=skip)
        for name, sums in report.entries
    ]
    return Answer(document, report.coverage, next_link(request, report.next_marker))
