"""The default policy rules of all routes.

Everybody may read what is visible to them, and admins may write. The exceptions: only admins and
readers may read grants, the audit and the list of receivers; only callers who see everything may
read private statistics; services, too, may write alerts.
"""

from typing import TYPE_CHECKING

from oslo_policy.policy import DocumentedRuleDefault

from openstats.api.alerts import receivers
from openstats.api.registry.resources import Resource
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS, Statistic
from openstats.http.auth.policy import ADMIN, READER, SEES_EVERYTHING, SERVICE
from openstats.http.receiver_urls import RECEIVERS

if TYPE_CHECKING:
    # Older releases of oslo.policy have no such type.
    from oslo_policy.policy import Operation

ANYBODY = "@"


def _of_statistic(statistic: Statistic) -> DocumentedRuleDefault:
    operations: list[Operation] = [
        {"path": f"{root}/{statistic.name}/", "method": "GET"} for root in ROOTS
    ]
    check = f"rule:{SEES_EVERYTHING}" if statistic.is_private else ANYBODY
    return DocumentedRuleDefault(statistic.permission, check, statistic.summary, operations)


def _of_resource(resource: Resource) -> list[DocumentedRuleDefault]:
    """Return the rule for reading a resource, and the one for writing if it can be written."""
    operations_of: dict[str, list[Operation]] = {}
    for url, methods in resource.methods.items():
        for method in methods:
            operation: Operation = {"path": url, "method": method}
            operations_of.setdefault(resource.permission(method), []).append(operation)
    return [
        DocumentedRuleDefault(name, _check(resource, name), resource.summary, operations)
        for name, operations in operations_of.items()
    ]


def _check(resource: Resource, name: str) -> str:
    if name != resource.permission("GET"):
        return f"rule:{ADMIN} or rule:{SERVICE}" if resource.services_write else f"rule:{ADMIN}"
    return f"rule:{ADMIN} or rule:{READER}" if resource.is_private else ANYBODY


RULES = (
    *(_of_statistic(statistic) for statistic in STATISTICS),
    *(rule for resource in RESOURCES for rule in _of_resource(resource)),
    DocumentedRuleDefault(
        receivers.LIST_RECEIVERS,
        f"rule:{ADMIN} or rule:{READER}",
        "Receivers of alerts, with their counters.",
        [{"path": RECEIVERS, "method": "GET"}],
    ),
)
