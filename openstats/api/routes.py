"""The route table: every URL, its view, who may use it, what it takes and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from openstats.api import capacity, creation, customer, quota, usage
from openstats.api.answer import Answer
from openstats.api.parameters import Parameters


@dataclass(frozen=True)
class Statistic:
    """A statistic: its name in the URL, its view, parameters and the shape of its answer.

    ``headers`` are those that only its answers have, with what they say.
    """

    name: str
    summary: str
    view: Callable[[Any, Any], Answer]
    parameters: type[Parameters]
    answer: Any
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def permission(self) -> str:
        """The rule that decides who may ask."""
        return f"openstats:{self.name}:get"


STATISTICS = (
    Statistic(
        "resource",
        "What is allocated in a cloud: physical capacity beside quotas.",
        capacity.view,
        capacity.ResourceParameters,
        capacity.ResourceFigures,
    ),
    Statistic(
        "quota",
        "Limits and use, summed by customer, project or project group.",
        quota.view,
        quota.QuotaParameters,
        quota.QuotaFigures | list[quota.QuotaOfObject],  # type: ignore[valid-type]
    ),
    Statistic(
        "customer",
        "How many projects, groups and instances each customer has.",
        customer.view,
        customer.CustomerParameters,
        list[customer.CustomerFigures],
    ),
    Statistic(
        "creation-time",
        "How many customers, projects or groups were created in each interval.",
        creation.view,
        creation.CreationParameters,
        list[creation.Datapoint],
    ),
    Statistic(
        "usage",
        "How much CPU, memory and storage was used in each interval.",
        usage.view,
        usage.UsageParameters,
        list[usage.UsageOfObject],
        usage.HEADERS,
    ),
)

ROOTS = ("/api/stats", "/stats")
"""Where statistics are found, by the specification's own spelling."""

METHODS = ("GET", "HEAD")
