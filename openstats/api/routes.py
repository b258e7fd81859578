"""The route table: every URL, its view, who may use it, what it takes and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from openstats.api.alerts import entries
from openstats.api.registry import clouds, filters, models, tenants
from openstats.api.registry.views import Resource
from openstats.api.statistics import alert, creation_time, customer, quota, resource, usage
from openstats.http import pagination
from openstats.http.answer import Answer
from openstats.http.parameters import StatisticParameters
from openstats.storage.alerts import own
from openstats.storage.entries import alerts as stored_alerts
from openstats.storage.entries import audit, customers, grants
from openstats.storage.entries import clouds as stored_clouds
from openstats.storage.entries import tenants as tenant_entries


@dataclass(frozen=True)
class Statistic:
    """A statistic: its name in the URL, its view, parameters and the shape of its answer.

    ``headers`` are those that only its answers have, with what they say. What is ``private`` is for
    who sees everything.
    """

    name: str
    summary: str
    view: Callable[[Any, Any], Answer]
    parameters: type[StatisticParameters]
    answer: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    private: bool = False

    @property
    def permission(self) -> str:
        """The rule that decides who may ask."""
        return f"openstats:{self.name}:get"


STATISTICS = (
    Statistic(
        "resource",
        "What is allocated in a cloud: physical capacity beside quotas.",
        resource.view,
        resource.ResourceParameters,
        resource.ResourceFigures,
        private=True,
    ),
    Statistic(
        "quota",
        "Limits and use, summed by customer, project or project group.",
        quota.view,
        quota.QuotaParameters,
        quota.QuotaFigures | list[quota.QuotaOfObject],  # type: ignore[valid-type]
        pagination.HEADERS,
    ),
    Statistic(
        "customer",
        "How many projects, groups and instances each customer has.",
        customer.view,
        customer.CustomerParameters,
        list[customer.CustomerFigures],
        pagination.HEADERS,
    ),
    Statistic(
        "creation-time",
        "How many customers, projects or groups were created in each interval.",
        creation_time.view,
        creation_time.CreationParameters,
        list[creation_time.Datapoint],
    ),
    Statistic(
        "usage",
        "How much CPU, memory and storage was used in each interval.",
        usage.view,
        usage.UsageParameters,
        list[usage.UsageOfObject],
        usage.HEADERS | pagination.HEADERS,
    ),
    Statistic(
        "alert",
        "How many alerts were active, by severity.",
        alert.view,
        alert.AlertParameters,
        alert.AlertAnswer,
        pagination.HEADERS,
    ),
)

RESOURCES = (
    Resource(
        "customers",
        "customer",
        "Customers, who own projects and project groups.",
        customers.CUSTOMERS,
        models.Customer,
        filters.CustomerFilters,
        {
            "POST": models.NewCustomer,
            "PUT": models.WholeCustomer,
            "PATCH": models.CustomerChange,
        },
        partial(customers.write, "customer"),
        partial(customers.remove, "customer"),
    ),
    Resource(
        "project-groups",
        "project_group",
        "Project groups, each of projects of one customer.",
        customers.GROUPS,
        models.ProjectGroup,
        filters.OwnedFilters,
        {"POST": models.NewGroup, "PUT": models.WholeGroup, "PATCH": models.GroupChange},
        partial(customers.write, "project_group"),
        partial(customers.remove, "project_group"),
    ),
    Resource(
        "projects",
        "project",
        "Projects, to which the clouds' tenants are linked.",
        customers.PROJECTS,
        models.Project,
        filters.OwnedFilters,
        {
            "POST": models.NewProject,
            "PUT": models.WholeProject,
            "PATCH": models.ProjectChange,
        },
        partial(customers.write, "project"),
        partial(customers.remove, "project"),
    ),
    Resource(
        "tenants",
        "tenant",
        "Tenants: the Keystone projects of the clouds.",
        tenant_entries.TENANTS,
        tenants.Tenant,
        filters.TenantFilters,
        {"PATCH": models.TenantChange},
        customers.write_tenant,
    ),
    Resource(
        "clouds",
        "cloud",
        "Clouds, as clouds.yaml names them.",
        clouds.CLOUDS,
        models.Cloud,
        filters.CloudFilters,
        {"POST": clouds.NewCloud},
        stored_clouds.write,
        stored_clouds.remove,
        clouds.lookup,
    ),
    Resource(
        "instances",
        "instance",
        "Instances: the servers that exist.",
        tenant_entries.INSTANCES,
        models.Instance,
        filters.InstanceFilters,
    ),
    Resource(
        "alerts",
        "alert",
        "Alerts: from receivers, from callers and of openstats' own; newest first.",
        stored_alerts.ALERTS,
        entries.Alert,
        entries.AlertFilters,
        {"POST": entries.NewAlert},
        own.post,
        serviced=True,
        find=own.find,
        actions={"close": own.close, "acknowledge": own.acknowledge},
    ),
    Resource(
        "grants",
        "grant",
        "Grants: who has which role on what.",
        grants.GRANTS,
        models.Grant,
        filters.GrantFilters,
        {"POST": models.NewGrant, "PUT": models.WholeGrant},
        grants.write,
        grants.remove,
        private=True,
    ),
    Resource(
        "audit",
        "audit entry",
        "Audit: who wrote what; newest first.",
        audit.AUDIT,
        models.AuditEntry,
        filters.AuditFilters,
        private=True,
    ),
)

ROOTS = ("/api/stats", "/stats")
"""Where statistics are found, by the specification's own spelling."""

METHODS = ("GET", "HEAD")
