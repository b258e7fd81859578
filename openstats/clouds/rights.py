"""The rights that openstats needs: calls, and the rules of the services' policies that allow them.

The overrides for a role of its own are in etc/policy/, one file for each service. Which rights are
missing in a cloud is for ``missing_rights``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict, Unpack

NOBODY = "0" * 32
"""The id of no project and no user: services look at their policy before they look for it."""

REFUSED = "is refused"
OK, INVALID, FORBIDDEN, NOT_FOUND = 200, 400, 403, 404


@dataclass(frozen=True)
class Reply:
    """What a service replies to a probe: a status, its words where it is an error, a document."""

    status: int
    words: str
    body: Any


Test = Callable[[Reply], bool]


def is_allowed(reply: Reply) -> bool:
    """Return whether policy allows the call."""
    return reply.status != FORBIDDEN


def is_visible(reply: Reply) -> bool:
    """Return whether policy allows the call, and shows what is asked for."""
    return reply.status not in (FORBIDDEN, NOT_FOUND)


def is_admin(reply: Reply) -> bool:
    """Return whether Nova takes the user for an admin: nobody else may ask for deleted servers."""
    return reply.status != FORBIDDEN or "dministrators" not in reply.words


def may_filter_freely(reply: Reply) -> bool:
    """Return whether Cinder takes the user for an admin: no other may filter by unknown names."""
    return reply.status != INVALID


def shows(kind: str, attribute: str) -> Test:
    """Return a test for an attribute of whatever a list of a kind shows."""

    def shows_attribute(reply: Reply) -> bool:
        return all(attribute in row for row in reply.body.get(kind, ()))

    return shows_attribute


@dataclass(frozen=True)
class Right:
    """A call with the rules that allow it, and how to find out whether they do.

    ``probe`` is the path to ask where the call itself would be long; ``{server}`` stands for a
    server of any tenant. Without a ``quiet`` right openstats' own calls do not fail.
    """

    service: str
    call: str
    rules: tuple[str, ...]
    probe: str = ""
    is_granted: Test = is_allowed
    symptom: str = REFUSED
    quiet: bool = False

    @property
    def path(self) -> str:
        """The path to ask."""
        return self.probe or self.call.removeprefix("GET ")

    def __str__(self) -> str:
        """Return what to do about a right that is missing."""
        rules = " and ".join(self.rules)
        file = f"etc/policy/{self.service.lower()}.yaml"
        return f"{self.call} {self.symptom}: allow {rules} in {self.service}'s policy, see {file}"


class _Options(TypedDict):
    probe: NotRequired[str]
    is_granted: NotRequired[Test]
    symptom: NotRequired[str]
    quiet: NotRequired[bool]


ADMIN = "context_is_admin"
SERVER = "{server}"
SERVERS = "/servers/detail?all_tenants=1&limit=1"
DELETED = "/servers?status=DELETED&limit=1"
HOST = "OS-EXT-SRV-ATTR:hypervisor_hostname"
VOLUME_TENANT = "os-vol-tenant-attr:tenant_id"
SNAPSHOT_TENANT = "os-extended-snapshot-attributes:project_id"
UNKNOWN_FILTER = "/volumes?all_tenants=1&limit=1&openstats=1"


def _nova_right(call: str, *rules: str, **options: Unpack[_Options]) -> Right:
    names = tuple(rule if rule == ADMIN else f"os_compute_api:{rule}" for rule in rules)
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
            probe=f"/projects/{NOBODY}",
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
            probe=f"/resource_providers/{NOBODY}/inventories",
        ),
        _placement_right("/{id}/usages", "usages", probe=f"/resource_providers/{NOBODY}/usages"),
        _placement_right("/{id}", "show", probe=f"/resource_providers/{NOBODY}", quiet=True),
        _placement_right(
            "/{id}/traits",
            "traits:list",
            probe=f"/resource_providers/{NOBODY}/traits",
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
            probe=SERVERS,
            is_granted=shows("servers", HOST),
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
            ADMIN,
            probe=f"/servers/{SERVER}",
            is_granted=is_visible,
            symptom="does not show other tenants' servers",
            quiet=True,
        ),
    ),
    "Nova, quotas": (
        _nova_right(
            "/os-quota-sets/{project}/detail",
            "os-quota-sets:detail",
            probe=f"/os-quota-sets/{NOBODY}/detail",
            quiet=True,
        ),
    ),
    "usage, nova": (
        _nova_right(
            "/servers/{id}/diagnostics",
            "os-server-diagnostics",
            ADMIN,
            probe=f"/servers/{SERVER}/diagnostics",
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
            ADMIN,
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
            probe=f"/os-quota-sets/{NOBODY}?usage=True",
            quiet=True,
        ),
    ),
    # Rights of the service user. It may look up its own token and groups without any: the probe
    # names nobody's, and Keystone, which looks at its policy first, answers 403 or 404.
    "API, tokens": (
        _keystone_right(
            "/auth/tokens", "validate_token", symptom="is refused for callers", quiet=True
        ),
    ),
    "API, groups": (
        _keystone_right(
            "/users/{id}/groups",
            "list_groups_for_user",
            probe=f"/users/{NOBODY}/groups",
            symptom="is refused for callers, so that grants to groups do not apply",
            quiet=True,
        ),
    ),
}
