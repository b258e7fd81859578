"""The rights that openstats needs: calls, and the rules of the services' policies that allow them.

``etc/policy/`` has overrides for a dedicated role, one file for each service. ``missing_rights``
finds the rights that a user lacks.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NotRequired, TypedDict, Unpack

from openstats.clouds.json_documents import JsonObject

UNUSED_ID = "0" * 32
"""An id that no project or user has: services check their policy before they look it up."""

REFUSED = "is refused"
OK, INVALID, FORBIDDEN, NOT_FOUND = 200, 400, 403, 404


@dataclass(frozen=True)
class Reply:
    """The reply of a service to a probe: its status, error message and JSON document."""

    status: int
    words: str
    body: JsonObject


ReplyTest = Callable[[Reply], bool]


def is_allowed(reply: Reply) -> bool:
    """Return whether the policy allows the call."""
    return reply.status != FORBIDDEN


def is_visible(reply: Reply) -> bool:
    """Return whether the policy allows the call, and shows the requested object."""
    return reply.status not in (FORBIDDEN, NOT_FOUND)


def is_admin(reply: Reply) -> bool:
    """Return whether the user is an admin for Nova: only admins may list deleted servers."""
    return reply.status != FORBIDDEN or "dministrators" not in reply.words


def may_filter_freely(reply: Reply) -> bool:
    """Return whether the user is an admin for Cinder: only admins may use unknown filters."""
    return reply.status != INVALID


def shows(kind: str, attribute: str) -> ReplyTest:
    """Return a test whether every item of the list ``kind`` has an attribute."""

    def shows_attribute(reply: Reply) -> bool:
        return all(attribute in row for row in reply.body.get(kind, ()))

    return shows_attribute


@dataclass(frozen=True)
class Right:
    """A call, the policy rules that allow it, and the test whether they do.

    Attributes:
        service: the service.
        call: the method and the path, as messages show them.
        rules: the names of the policy rules.
        probe: the path to request, if not that of ``call``; ``{server}`` stands for any server.
        is_granted: returns whether a reply to the probe proves the right.
        symptom: what happens without the right, as messages show it.
        quiet: openstats' own calls do not fail without the right.
    """

    service: str
    call: str
    rules: tuple[str, ...]
    probe: str = ""
    is_granted: ReplyTest = is_allowed
    symptom: str = REFUSED
    quiet: bool = False

    @property
    def path(self) -> str:
        """The path of the probe."""
        return self.probe or self.call.removeprefix("GET ")

    def __str__(self) -> str:
        """Return a sentence that tells how to grant the right."""
        rules = " and ".join(self.rules)
        file = f"etc/policy/{self.service.lower()}.yaml"
        return f"{self.call} {self.symptom}: allow {rules} in {self.service}'s policy, see {file}"


class _Options(TypedDict):
    probe: NotRequired[str]
    is_granted: NotRequired[ReplyTest]
    symptom: NotRequired[str]
    quiet: NotRequired[bool]


ADMIN_RULE = "context_is_admin"
SERVER_ID = "{server}"
ONE_SERVER = "/servers/detail?all_tenants=1&limit=1"
DELETED_SERVERS = "/servers?status=DELETED&limit=1"
HOST_ATTRIBUTE = "OS-EXT-SRV-ATTR:hypervisor_hostname"
VOLUME_TENANT = "os-vol-tenant-attr:tenant_id"
SNAPSHOT_TENANT = "os-extended-snapshot-attributes:project_id"
UNKNOWN_FILTER = "/volumes?all_tenants=1&limit=1&openstats=1"


def _nova_right(call: str, *rules: str, **options: Unpack[_Options]) -> Right:
    names = tuple(rule if rule == ADMIN_RULE else f"os_compute_api:{rule}" for rule in rules)
    return Right("Nova", f"GET {call}", names, **options)


def _cinder_right(call: str, *rules: str, **options: Unpack[_Options]) -> Right:
    return Right("Cinder", f"GET {call}", rules, **options)


def _placement_right(call: str, rule: str, **options: Unpack[_Options]) -> Right:
    name = f"placement:resource_providers:{rule}"
    return Right("Placement", f"GET /resource_providers{call}", (name,), **options)


def _keystone_right(call: str, rule: str, **options: Unpack[_Options]) -> Right:
    return Right("Keystone", f"GET {call}", (f"identity:{rule}",), **options)


RIGHTS = {
    "Keystone": (
        _keystone_right("/domains", "list_domains"),
        _keystone_right("/projects", "list_projects"),
        _keystone_right(
            "/projects/{id}",
            "get_project",
            probe=f"/projects/{UNUSED_ID}",
            symptom="is refused to Nova, which asks for this user",
            quiet=True,
        ),
    ),
    "Nova, hypervisors": (_nova_right("/os-hypervisors/statistics", "os-hypervisors:statistics"),),
    "Placement": (
        _placement_right("", "list"),
        _placement_right(
            "/{id}/inventories",
            "inventories:list",
            probe=f"/resource_providers/{UNUSED_ID}/inventories",
        ),
        _placement_right("/{id}/usages", "usages", probe=f"/resource_providers/{UNUSED_ID}/usages"),
        _placement_right("/{id}", "show", probe=f"/resource_providers/{UNUSED_ID}", quiet=True),
        _placement_right(
            "/{id}/traits",
            "traits:list",
            probe=f"/resource_providers/{UNUSED_ID}/traits",
            quiet=True,
        ),
    ),
    "Nova, zones": (
        _nova_right("/os-services", "os-services:list"),
        _nova_right(
            "/os-hypervisors/detail",
            "os-hypervisors:list-detail",
            probe="/os-hypervisors/detail?limit=1",
        ),
    ),
    "Nova, servers": (
        _nova_right(
            "/servers/detail?all_tenants=1", "servers:detail", "servers:detail:get_all_tenants"
        ),
        _nova_right(
            "/servers/detail",
            "os-extended-server-attributes",
            probe=ONE_SERVER,
            is_granted=shows("servers", HOST_ATTRIBUTE),
            symptom="does not show hypervisors",
            quiet=True,
        ),
        _nova_right(
            "/servers?all_tenants=1", "servers:index", "servers:index:get_all_tenants", quiet=True
        ),
        _nova_right("/os-services", "os-services:list", quiet=True),
        _nova_right(
            "/servers/{id}",
            "servers:show",
            ADMIN_RULE,
            probe=f"/servers/{SERVER_ID}",
            is_granted=is_visible,
            symptom="does not show other tenants' servers",
            quiet=True,
        ),
    ),
    "Nova, quotas": (
        _nova_right(
            "/os-quota-sets/{project}/detail",
            "os-quota-sets:detail",
            probe=f"/os-quota-sets/{UNUSED_ID}/detail",
            quiet=True,
        ),
    ),
    "usage, nova": (
        _nova_right(
            "/servers/{id}/diagnostics",
            "os-server-diagnostics",
            ADMIN_RULE,
            probe=f"/servers/{SERVER_ID}/diagnostics",
            is_granted=is_visible,
            symptom="does not tell of other tenants' servers",
            quiet=True,
        ),
    ),
    "Cinder, volumes": (
        _cinder_right("/volumes/detail", "volume:get_all"),
        _cinder_right("/snapshots/detail", "volume:get_all_snapshots"),
        _cinder_right(
            "/volumes/detail?all_tenants=1",
            ADMIN_RULE,
            probe=UNKNOWN_FILTER,
            is_granted=may_filter_freely,
            symptom="leaves other tenants' out",
            quiet=True,
        ),
        _cinder_right(
            "/volumes/detail",
            "volume_extension:volume_tenant_attribute",
            probe="/volumes/detail?all_tenants=1&limit=1",
            is_granted=shows("volumes", VOLUME_TENANT),
            symptom="does not show whose they are",
        ),
        _cinder_right(
            "/snapshots/detail",
            "volume_extension:extended_snapshot_attributes",
            probe="/snapshots/detail?all_tenants=1&limit=1",
            is_granted=shows("snapshots", SNAPSHOT_TENANT),
            symptom="does not show whose they are",
        ),
    ),
    "Cinder, quotas": (
        _cinder_right(
            "/os-quota-sets/{project}?usage=True",
            "volume_extension:quotas:show",
            probe=f"/os-quota-sets/{UNUSED_ID}?usage=True",
            quiet=True,
        ),
    ),
    # Rights of the service user. Its own token and groups need no right, so that the probe uses
    # an unused id: Keystone checks its policy first, and answers 403 or 404.
    "API, tokens": (
        _keystone_right(
            "/auth/tokens", "validate_token", symptom="is refused for callers", quiet=True
        ),
    ),
    "API, groups": (
        _keystone_right(
            "/users/{id}/groups",
            "list_groups_for_user",
            probe=f"/users/{UNUSED_ID}/groups",
            symptom="is refused for callers, so that grants to groups do not apply",
            quiet=True,
        ),
    ),
}
