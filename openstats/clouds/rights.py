"""Which rights openstats needs: calls, and the rules of the services' policies that allow them.

The overrides for a role of its own are in etc/policy/, one file for each service.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

from openstats.clouds.connection import Connection
from openstats.clouds.errors import CLIENT_ERRORS, translated
from openstats.clouds.service_user import WHO

NOBODY = "0" * 32
"""The id of no project and no user: policy is asked before it is looked for."""

REFUSED = "is refused"
OK, INVALID, FORBIDDEN, NOT_FOUND = 200, 400, 403, 404


@dataclass(frozen=True)
class Answer:
    """What a service said: a status, its words where it is an error, and a document."""

    status: int
    words: str
    body: Any


Test = Callable[[Answer], bool]


def _allowed(answer: Answer) -> bool:
    return answer.status != FORBIDDEN


def _seen(answer: Answer) -> bool:
    return answer.status not in (FORBIDDEN, NOT_FOUND)


def _admin(answer: Answer) -> bool:
    """Tell whether Nova takes the user for an admin: nobody else may ask for deleted servers."""
    return answer.status != FORBIDDEN or "dministrators" not in answer.words


def _unfiltered(answer: Answer) -> bool:
    """Tell whether Cinder takes the user for an admin: others may not filter by what is unknown."""
    return answer.status != INVALID


def _shows(kind: str, attribute: str) -> Test:
    """Make a test for an attribute of whatever is listed."""
    return lambda answer: all(attribute in found for found in answer.body.get(kind, ()))


@dataclass(frozen=True)
class Right:
    """A call with the rules that allow it, and how to find out: ``quiet`` says that nothing fails.

    ``asked`` differs from the call where that would be long; ``{server}`` stands for a server of
    any tenant.
    """

    service: str
    call: str
    rules: tuple[str, ...]
    asked: str = ""
    granted: Test = _allowed
    symptom: str = REFUSED
    quiet: bool = False

    def __str__(self) -> str:
        """Say what to do about it."""
        rules = " and ".join(self.rules)
        file = f"etc/policy/{self.service.lower()}.yaml"
        return f"{self.call} {self.symptom}: allow {rules} in {self.service}'s policy, see {file}"


ADMIN = "context_is_admin"
SERVER = "{server}"
SERVERS = "/servers/detail?all_tenants=1&limit=1"
DELETED = "/servers?status=DELETED&limit=1"
HOST = "OS-EXT-SRV-ATTR:hypervisor_hostname"
VOLUME_TENANT = "os-vol-tenant-attr:tenant_id"
SNAPSHOT_TENANT = "os-extended-snapshot-attributes:project_id"
UNKNOWN_FILTER = "/volumes?all_tenants=1&limit=1&openstats=1"


def _nova(call: str, *rules: str, **more: Any) -> Right:
    names = tuple(rule if rule == ADMIN else f"os_compute_api:{rule}" for rule in rules)
    return Right("Nova", f"GET {call}", names, **more)


def _cinder(call: str, *rules: str, **more: Any) -> Right:
    return Right("Cinder", f"GET {call}", rules, **more)


def _placement(call: str, rule: str, asked: str = "", **more: Any) -> Right:
    name = f"placement:resource_providers:{rule}"
    return Right("Placement", f"GET /resource_providers{call}", (name,), asked, **more)


def _keystone(call: str, rule: str, **more: Any) -> Right:
    return Right("Keystone", f"GET {call}", (f"identity:{rule}",), **more)


RIGHTS = {
    "Keystone": (
        _keystone("/domains", "list_domains"),
        _keystone("/projects", "list_projects"),
        _keystone(
            "/projects/{id}",
            "get_project",
            asked=f"/projects/{NOBODY}",
            symptom="is refused to Nova, which asks for this user",
            quiet=True,
        ),
    ),
    "Nova, hypervisors": (_nova("/os-hypervisors/statistics", "os-hypervisors:statistics"),),
    "Placement": (
        _placement("", "list"),
        _placement(
            "/{id}/inventories", "inventories:list", f"/resource_providers/{NOBODY}/inventories"
        ),
        _placement("/{id}/usages", "usages", f"/resource_providers/{NOBODY}/usages"),
        _placement("/{id}", "show", f"/resource_providers/{NOBODY}", quiet=True),
        _placement(
            "/{id}/traits", "traits:list", f"/resource_providers/{NOBODY}/traits", quiet=True
        ),
    ),
    "Nova, zones": (
        _nova("/os-services", "os-services:list"),
        _nova(
            "/os-hypervisors/detail",
            "os-hypervisors:list-detail",
            asked="/os-hypervisors/detail?limit=1",
        ),
    ),
    "Nova, servers": (
        _nova("/servers/detail?all_tenants=1", "servers:detail", "servers:detail:get_all_tenants"),
        _nova(
            "/servers/detail",
            "os-extended-server-attributes",
            asked=SERVERS,
            granted=_shows("servers", HOST),
            symptom="does not show hypervisors",
            quiet=True,
        ),
        _nova(
            "/servers?all_tenants=1", "servers:index", "servers:index:get_all_tenants", quiet=True
        ),
        _nova("/os-services", "os-services:list", quiet=True),
        _nova(
            "/servers/{id}",
            "servers:show",
            ADMIN,
            asked=f"/servers/{SERVER}",
            granted=_seen,
            symptom="does not show other tenants' servers",
            quiet=True,
        ),
    ),
    "Nova, quotas": (
        _nova(
            "/os-quota-sets/{project}/detail",
            "os-quota-sets:detail",
            asked=f"/os-quota-sets/{NOBODY}/detail",
            quiet=True,
        ),
    ),
    "usage, nova": (
        _nova(
            "/servers/{id}/diagnostics",
            "os-server-diagnostics",
            ADMIN,
            asked=f"/servers/{SERVER}/diagnostics",
            granted=_seen,
            symptom="does not tell of other tenants' servers",
            quiet=True,
        ),
    ),
    "Cinder, volumes": (
        _cinder("/volumes/detail", "volume:get_all"),
        _cinder("/snapshots/detail", "volume:get_all_snapshots"),
        _cinder(
            "/volumes/detail?all_tenants=1",
            ADMIN,
            asked=UNKNOWN_FILTER,
            granted=_unfiltered,
            symptom="leaves other tenants' out",
            quiet=True,
        ),
        _cinder(
            "/volumes/detail",
            "volume_extension:volume_tenant_attribute",
            asked="/volumes/detail?all_tenants=1&limit=1",
            granted=_shows("volumes", VOLUME_TENANT),
            symptom="does not show whose they are",
        ),
        _cinder(
            "/snapshots/detail",
            "volume_extension:extended_snapshot_attributes",
            asked="/snapshots/detail?all_tenants=1&limit=1",
            granted=_shows("snapshots", SNAPSHOT_TENANT),
            symptom="does not show whose they are",
        ),
    ),
    "Cinder, quotas": (
        _cinder(
            "/os-quota-sets/{project}?usage=True",
            "volume_extension:quotas:show",
            asked=f"/os-quota-sets/{NOBODY}?usage=True",
            quiet=True,
        ),
    ),
    # Of the service user. Its own token and groups it may look up without any right: it asks for
    # nobody's, and Keystone, which looks at its policy first, says 403 or 404.
    "API, tokens": (
        _keystone("/auth/tokens", "validate_token", symptom="is refused for callers", quiet=True),
    ),
    "API, groups": (
        _keystone(
            "/users/{id}/groups",
            "list_groups_for_user",
            asked=f"/users/{NOBODY}/groups",
            symptom="is refused for callers, so that grants to groups do not apply",
            quiet=True,
        ),
    ),
}


Ask = Callable[[str, str], Answer]
"""Asks a service for a path; raises CloudError where there is no answer."""


def of_cloud(connection: Connection) -> Ask:
    """Ask the services of a cloud, as the collector does."""
    asked = {name: partial(get, connection) for name, get in ASKED.items()}
    return partial(_ask, connection.cloud.name, asked)


def of_service_user(identity: Any) -> Ask:
    """Ask Keystone, as the API does, through a keystoneauth adapter."""
    return partial(_ask, WHO, {"Keystone": lambda path: identity.get(path).json()})


def missing(ask: Ask, what: str, *, quiet: bool = False) -> list[Right]:
    """List the rights of a kind that are not given: one call for each, at most.

    ``quiet`` leaves out those without which openstats' own calls fail.

    Raises:
        CloudError: the cloud does not answer.
    """
    once = cache(ask)
    tried = (right for right in RIGHTS.get(what, ()) if right.quiet or not quiet)
    return [right for right in tried if not _granted(once, right)]


def _granted(ask: Ask, right: Right) -> bool:
    path, test = right.asked or right.call.removeprefix("GET "), right.granted
    if SERVER in path:
        servers = ask("Nova", SERVERS).body.get("servers")
        path = path.replace(SERVER, str(servers[0]["id"])) if servers else DELETED
        test = test if servers else _admin
    return test(ask(right.service, path))


def _ask(whom: str, asked: Mapping[str, Callable[[str], Any]], service: str, path: str) -> Answer:
    with translated(whom, f"{service}'s {path}"):
        try:
            return Answer(OK, "", asked[service](path))
        except CLIENT_ERRORS as error:
            status = getattr(error, "http_status", None) or getattr(error, "code", None)
            return Answer(status or 0, str(error), {})


ASKED: dict[str, Callable[[Connection, str], Any]] = {
    "Keystone": lambda connection, path: connection.keystone.projects.client.get(path)[1],
    "Nova": lambda connection, path: connection.nova.client.get(path)[1],
    "Cinder": lambda connection, path: connection.cinder.client.get(path)[1],
    "Placement": lambda connection, path: connection.placement.get(path).json(),
}
