"""The route table: every URL with its view, permission, parameters and response."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from openstats.api.alerts import entries
from openstats.api.registry import clouds, documents, filters, models, tenants
from openstats.api.registry.resources import Resource
from openstats.api.registry.writers import GrantWriter, ObjectWriter, TenantWriter
from openstats.api.statistics import alert, creation_time, customer, quota, resource, usage
from openstats.http.answer import Answer
from openstats.http.parameters import pagination
from openstats.http.parameters.statistics import StatisticParameters
from openstats.http.request import Request
from openstats.storage.alerts import caller_alerts
from openstats.storage.entries.alerts import ALERTS
from openstats.storage.entries.audit import AUDIT
from openstats.storage.entries.clouds import CLOUDS
from openstats.storage.entries.customers import CUSTOMERS, GROUPS, PROJECTS
from openstats.storage.entries.grants import GRANTS
from openstats.storage.entries.instances import INSTANCES
from openstats.storage.entries.tenants import TENANTS


@dataclass(frozen=True)
class Statistic:
    """A statistic: its name in the URL, view, parameters and response model.

    ``headers`` are the headers of its responses, besides those of every statistic, with
    descriptions. An ``is_private`` statistic is only for callers who see everything.
    """

    name: str
    summary: str
    view: Callable[[Request, Any], Answer]
    parameters: type[StatisticParameters]
    answer: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    is_private: bool = False

    @property
    def permission(self) -> str:
        """The name of the policy rule that decides who may read the statistic."""
        return f"openstats:{self.name}:get"


STATISTICS = (
    Statistic(
        "resource",
        "Capacity of a cloud, its allocation, and the sums of its tenants' quotas.",
        resource.view,
        resource.ResourceParameters,
        resource.ResourceFigures,
        is_private=True,
    ),
    Statistic(
        "quota",
        "Quota limits and use by customer, project or project group.",
        quota.view,
        quota.QuotaParameters,
        quota.QuotaFigures | list[quota.QuotaOfObject],  # type: ignore[valid-type]
        pagination.HEADERS,
    ),
    Statistic(
        "customer",
        "Number of projects, project groups and instances of each customer.",
        customer.view,
        customer.CustomerParameters,
        list[customer.CustomerFigures],
        pagination.HEADERS,
    ),
    Statistic(
        "creation-time",
        "Number of customers, projects or project groups created in each interval.",
        creation_time.view,
        creation_time.CreationParameters,
        list[creation_time.Datapoint],
    ),
    Statistic(
        "usage",
        "CPU, memory and storage used in each interval.",
        usage.view,
        usage.UsageParameters,
        list[usage.UsageOfObject],
        usage.HEADERS | pagination.HEADERS,
    ),
    Statistic(
        "alert",
        "Number of active alerts by severity.",
        alert.view,
        alert.AlertParameters,
        alert.AlertAnswer,
        pagination.HEADERS,
    ),
)

RESOURCES = (
    Resource(
        name="customers",
        kind="customer",
        summary="Customers, which own projects and project groups.",
        listing=CUSTOMERS,
        document=documents.customer,
        entry=models.Customer,
        filters=filters.CustomerFilters,
        bodies={
            "POST": models.NewCustomer,
            "PUT": models.WholeCustomer,
            "PATCH": models.CustomerChange,
        },
        writer=ObjectWriter("customer"),
    ),
    Resource(
        name="project-groups",
        kind="project_group",
        summary="Project groups: sets of projects of one customer.",
        listing=GROUPS,
        document=documents.project_group,
        entry=models.ProjectGroup,
        filters=filters.OwnedFilters,
        bodies={
            "POST": models.NewGroup,
            "PUT": models.WholeGroup,
            "PATCH": models.GroupChange,
        },
        writer=ObjectWriter("project_group"),
    ),
    Resource(
        name="projects",
        kind="project",
        summary="Projects, to which tenants of the clouds are linked.",
        listing=PROJECTS,
        document=documents.project,
        entry=models.Project,
        filters=filters.OwnedFilters,
        bodies={
            "POST": models.NewProject,
            "PUT": models.WholeProject,
            "PATCH": models.ProjectChange,
        },
        writer=ObjectWriter("project"),
    ),
    Resource(
        name="tenants",
        kind="tenant",
        summary="Tenants: the Keystone projects of the clouds.",
        listing=TENANTS,
        document=documents.tenant,
        entry=tenants.Tenant,
        filters=filters.TenantFilters,
        bodies={"PATCH": models.TenantChange},
        writer=TenantWriter(),
    ),
    Resource(
        name="clouds",
        kind="cloud",
        summary="Registered clouds.",
        listing=CLOUDS,
        document=clouds.document,
        entry=clouds.Cloud,
        filters=filters.CloudFilters,
        bodies={"POST": clouds.NewCloud},
        writer=clouds.CloudWriter(),
    ),
    Resource(
        name="instances",
        kind="instance",
        summary="Instances: the servers that exist.",
        listing=INSTANCES,
        document=documents.instance,
        entry=models.Instance,
        filters=filters.InstanceFilters,
    ),
    Resource(
        name="alerts",
        kind="alert",
        summary="Alerts from receivers, API callers and openstats itself, newest first.",
        listing=ALERTS,
        document=entries.document,
        entry=entries.Alert,
        filters=entries.AlertFilters,
        bodies={"POST": entries.NewAlert},
        writer=entries.AlertWriter(),
        actions={"close": caller_alerts.close, "acknowledge": caller_alerts.acknowledge},
        services_write=True,
    ),
    Resource(
        name="grants",
        kind="grant",
        summary="Grants: roles of users, groups and subjects on objects.",
        listing=GRANTS,
        document=documents.grant,
        entry=models.Grant,
        filters=filters.GrantFilters,
        bodies={"POST": models.NewGrant, "PUT": models.WholeGrant},
        writer=GrantWriter(),
        is_private=True,
    ),
    Resource(
        name="audit",
        kind="audit entry",
        summary="Audit: who changed what, newest first.",
        listing=AUDIT,
        document=documents.audit_record,
        entry=models.AuditEntry,
        filters=filters.AuditFilters,
        is_private=True,
    ),
)

ROOTS = ("/api/stats", "/stats")
"""Prefixes of the URLs of statistics in the HTTP API; the second one is for older callers."""
