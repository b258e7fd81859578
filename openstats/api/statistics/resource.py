"""Resource: what is allocated in a cloud."""

from typing import Any

from pydantic import BaseModel, Field, create_model

from openstats.errors import NotPolledError, ParameterError
from openstats.http.answer import Answer
from openstats.http.parameters import AuthUrl, Name, StatisticParameters, UnlimitedParameters
from openstats.http.validation import excerpt
from openstats.meters import CAPACITY
from openstats.model import Coverage
from openstats.statistics import resource as statistic
from openstats.storage import coverage, jobs, quota
from openstats.storage.inventory import capacity
from openstats.storage.store import Database


class ResourceParameters(UnlimitedParameters, StatisticParameters):
    """What resource takes."""

    auth_url: AuthUrl = Field(description="URL of the Keystone of a registered cloud.")
    region: Name | None = Field(None, description="Only this region of the cloud; default: all.")


FIGURES: dict[str, Any] = dict.fromkeys((*CAPACITY, *statistic.QUOTA_KEYS), (int, ...))
ResourceFigures: type[BaseModel] = create_model("ResourceFigures", **FIGURES)


def view(request: Any, parameters: ResourceParameters) -> Answer:
    """Sum capacity and quotas over the regions of one auth_url."""
    with request.store.read() as db:
        found = _clouds(db, parameters)
        sums, tenants = quota.of_clouds(db, found)
        whole = coverage.read_clouds(db, found, "quotas")
    polled = [known for known in found.values() if known]
    if not polled:
        _ask_for(request, list(found))
    document = statistic.resource(
        (figures for figures, _ in polled), sums, skip_unlimited=parameters.skip_unlimited
    )
    return Answer(document, _coverage(tenants, found, whole))


def _clouds(db: Database, parameters: ResourceParameters) -> dict[int, Any]:
    """Return the figures of the clouds that are asked about, by row id.

    Raises:
        ParameterError: there are none, and which of the parameters is to blame.
    """
    figures = capacity.at(db, parameters.auth_url, parameters.region)
    if figures:
        return figures
    regions = capacity.regions(db, parameters.auth_url)
    if regions:
        known = ", ".join(map(excerpt, regions))
        raise ParameterError(
            f"region={excerpt(parameters.region)}: no such region of {parameters.auth_url} is "
            f"registered; must be one of {known}"
        )
    raise ParameterError(f"auth_url={parameters.auth_url}: no cloud with this URL is registered")


def _ask_for(request: Any, clouds: list[int]) -> None:
    with request.store.transaction() as db:
        jobs.make_all_due(db, clouds, request.now)
    raise NotPolledError("no figures have been read from this cloud yet: ask again in a moment")


def _coverage(tenants: Coverage, found: dict[int, Any], whole: set[int]) -> Coverage:
    """Return the coverage: a cloud is known when its capacity and its tenants' quotas were read."""
    read_at = {cloud: known[1] for cloud, known in found.items() if known}
    times = [*read_at.values()] + ([] if tenants.oldest is None else [tenants.oldest])
    known = len(read_at.keys() & whole)
    return Coverage(tenants.tenants, tenants.tenants_known, len(found), known, min(times))
