"""Quota: limits and use, by customer, project or project group."""

from typing import Any

from pydantic import BaseModel, create_model

from openstats.http.answer import Answer
from openstats.http.pagination import EachParameters
from openstats.http.parameters import AggregateParameters, UnlimitedParameters
from openstats.meters import QUOTA_NAMES
from openstats.statistics import quota as statistic
from openstats.storage import quota


class QuotaParameters(UnlimitedParameters, EachParameters, AggregateParameters):
    """What quota takes."""


FIGURES: dict[str, Any] = {
    f"{name}{part}": (int, ...) for part in ("", "_usage") for name in QUOTA_NAMES
}
QuotaFigures: type[BaseModel] = create_model("QuotaFigures", **FIGURES)
QuotaOfObject: type[BaseModel] = create_model(
    "QuotaOfObject", __base__=QuotaFigures, uuid=(str, ...), name=(str, ...)
)


def view(request: Any, parameters: QuotaParameters) -> Answer:
    """Sum over everything selected, or by object."""
    selection, skip = parameters.selection(), parameters.skip_unlimited
    with request.store.read() as db:
        if not parameters.each:
            sums, coverage = quota.total(db, request.scope, selection)
            return Answer(statistic.summary(sums, skip_unlimited=skip), coverage)
        coverage = quota.coverage(db, request.scope, selection)
        page = parameters.page(request, db, selection)
        found = quota.each(db, request.scope, selection, **page)
        link = parameters.link(request, db, selection, [of for of, _ in found])
    document = [
        {"uuid": of.uuid, "name": of.name} | statistic.summary(sums, skip_unlimited=skip)
        for of, sums in found
    ]
    return Answer(document, coverage, link)
