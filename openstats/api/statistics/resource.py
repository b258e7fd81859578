"""View of resource: capacity, allocation and quotas of a cloud."""

from typing import Any

from pydantic import BaseModel, Field, create_model

from openstats.http.answer import Answer
from openstats.http.fields import AuthUrl, Name
from openstats.http.parameters.statistics import StatisticParameters, UnlimitedParameters
from openstats.http.request import Request
from openstats.meters import CAPACITY
from openstats.services import resource
from openstats.statistics.resource import QUOTA_KEYS


class ResourceParameters(UnlimitedParameters, StatisticParameters):
    """The parameters of resource."""

    auth_url: AuthUrl = Field(description="URL of the Keystone of a registered cloud.")
    region: Name | None = Field(None, description="Only this region of the cloud; default: all.")


FIGURES: dict[str, Any] = dict.fromkeys((*CAPACITY, *QUOTA_KEYS), (int, ...))
ResourceFigures: type[BaseModel] = create_model("ResourceFigures", **FIGURES)


def view(request: Request, parameters: ResourceParameters) -> Answer:
    """Return the sums of capacity and quotas over the regions of one auth_url."""
    figures, coverage = resource.report(
        request.store,
        parameters.auth_url,
        parameters.region,
        now=request.now,
        skip_unlimited=parameters.skip_unlimited,
    )
    return Answer(figures, coverage)
