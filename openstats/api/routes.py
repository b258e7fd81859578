"""The route table: every URL, its view, who may use it, what it takes and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from openstats.api import (
    alert,
    alerts,
    capacity,
    clouds,
    creation,
    customer,
    filters,
    paging,
    quota,
    registry,
    tenants,
    usage,
)
from openstats.api.answer import Answer
from openstats.api.parameters import Parameters
from openstats.api.resources import Resource
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
    parameters: type[Parameters]
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
        capacity.view,
        capacity.ResourceParameters,
        capacity.ResourceFigures,
        private=True,
    ),
    Statistic(
        "quota",
        "Limits and use, summed by customer, project or project group.",
        quota.view,
        quota.QuotaParameters,
        quota.QuotaFigures | list[quota.QuotaOfObject],  # type: ignore[valid-type]
        paging.HEADERS,
    ),
    Statistic(
        "customer",
        "How many projects, groups and instances each customer has.",
        customer.view,
        customer.CustomerParameters,
        list[customer.CustomerFigures],
        paging.HEADERS,
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
        usage.HEADERS | paging.HEADERS,
    ),
    Statistic(
        "alert",
        "How many alerts were active, by severity.",
        alert.view,
        alert.AlertParameters,
        alert.AlertAnswer,
        paging.HEADERS,
    ),
)

RESOURCES = (
    Resource(
        "customers",
        "customer",
        "Customers, who own projects and project groups.",
        customers.CUSTOMERS,
        registry.Customer,
        filters.CustomerFilters,
        {
            "POST": registry.NewCustomer,
            "PUT": registry.WholeCustomer,
            "PATCH": registry.CustomerChange,
        },
        partial(customers.write, "customer"),
        partial(customers.remove, "customer"),
    ),
    Resource(
        "project-groups",
        "project_group",
        "Project groups, each of projects of one customer.",
        customers.GROUPS,
        registry.ProjectGroup,
        filters.OwnedFilters,
        {"POST": registry.NewGroup, "PUT": registry.WholeGroup, "PATCH": registry.GroupChange},
        partial(customers.write, "project_group"),
        partial(customers.remove, "project_group"),
    ),
    Resource(
        "projects",
        "project",
        "Projects, to which the clouds' tenants are linked.",
        customers.PROJECTS,
        registry.Project,
        filters.OwnedFilters,
        {
            "POST": registry.NewProject,
            "PUT": registry.WholeProject,
            "PATCH": registry.ProjectChange,
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
        {"PATCH": registry.TenantChange},
        customers.write_tenant,
    ),
    Resource(
        "clouds",
        "cloud",
        "Clouds, as clouds.yaml names them.",
        clouds.CLOUDS,
        registry.Cloud,
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
        registry.Instance,
        filters.InstanceFilters,
    ),
    Resource(
        "alerts",
        "alert",
        "Alerts: from receivers, from callers and of openstats' own; newest first.",
        stored_alerts.ALERTS,
        alerts.Alert,
        alerts.AlertFilters,
        {"POST": alerts.NewAlert},
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
        registry.Grant,
        filters.GrantFilters,
        {"POST": registry.NewGrant, "PUT": registry.WholeGrant},
        grants.write,
        grants.remove,
        private=True,
    ),
    Resource(
        "audit",
        "audit entry",
        "Audit: who wrote what; newest first.",
        audit.AUDIT,
        registry.AuditEntry,
        filters.AuditFilters,
        private=True,
    ),
)

ROOTS = ("/api/stats", "/stats")
"""Where statistics are found, by the specification's own spelling."""

METHODS = ("GET", "HEAD")
