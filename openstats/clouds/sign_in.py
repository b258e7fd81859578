"""What a sign-in yields: whom the token is for, and what its catalog holds.

A refused sign-in is remembered for a while: Keystone locks accounts after a few of them.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from keystoneauth1.exceptions import (
    BadRequest,
    HttpNotImplemented,
    HttpServerError,
    InvalidResponse,
    MethodNotAllowed,
    NotFound,
    Unauthorized,
)
from keystoneauth1.exceptions import ConnectionError as NoConnectionError

from openstats.auth_url import compared
from openstats.clouds.errors import translated
from openstats.errors import CloudError

SHORTEST_PAUSE, LONGEST_PAUSE = 30.0, 900.0
"""Seconds for which a refused sign-in is not tried again: the first time, and at most."""

NO_KEYSTONE = (NotFound, MethodNotAllowed, HttpNotImplemented, InvalidResponse)
"""How servers answer that know nothing of tokens."""

IDENTITY = "identity"
NO_PROJECT = "and Nova, Cinder and Placement take one for a project"


class SignIn:
    """Signs in as a keystoneauth plugin does, but not again and again with a refused credential."""

    def __init__(
        self, cloud: str, get: Callable[..., Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._cloud = cloud
        self._get = get
        self._clock = clock
        self._lock = Lock()
        self._refusal: CloudError | None = None
        self._until = 0.0
        self._pause = SHORTEST_PAUSE

    def forget(self) -> None:
        """Try again at once: somebody asks for it."""
        self._until = 0.0

    def __call__(self, session: Any, **options: Any) -> Any:
        """Return what keystoneauth knows of a new token.

        Raises:
            CloudError: Keystone does not answer, or refuses, or has refused a moment ago.
        """
        with self._lock, translated(self._cloud, "signing in"):
            if self._refusal and self._clock() < self._until:
                raise self._refusal.with_traceback(None)
            try:
                access = self._get(session, **options)
            except Unauthorized as error:
                self._refusal = self._refused(error)
                raise self._refusal from error
            except (*NO_KEYSTONE, BadRequest) as error:
                if advice := _advice(error):
                    raise CloudError(f"{self._cloud}: signing in: {advice}") from error
                raise
            self._refusal, self._pause = None, SHORTEST_PAUSE
            return access

    def _refused(self, error: Unauthorized) -> CloudError:
        refusal = CloudError(
            f"{self._cloud}: signing in: HTTP 401: Keystone refuses the credential: the user, the "
            "password or the project of the entry is wrong, or the account is locked or disabled"
        )
        refusal.retry_after = self._pause
        self._until = self._clock() + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return refusal


def _advice(error: Exception) -> str | None:
    """Return what is wrong with an entry by what the server says that was asked for a token."""
    if isinstance(error, NO_KEYSTONE):
        status = getattr(error, "http_status", None)
        said = f"HTTP {status}" if status else "an answer that holds no token"
        return f"{said}: what answers at auth_url is no Keystone of version 3: correct auth_url"
    if "domain" in str(error):
        return (
            "HTTP 400: Keystone needs the domains of the user and the project: write "
            "user_domain_name and project_domain_name below auth, such as Default"
        )
    return None


def is_unreached(error: Exception) -> bool:
    """Return whether nobody answered, so that the next call would wait as long."""
    return isinstance(error.__cause__, NoConnectionError)


def is_transient(error: Exception) -> bool:
    """Return whether what failed now may succeed in a moment."""
    return is_unreached(error) or isinstance(error.__cause__, HttpServerError)


def scope_fault(access: Any) -> str | None:
    """Return why a token cannot be used, in which nobody's policy is to blame; None: it can."""
    if access.project_scoped:
        return None
    advice = f"{NO_PROJECT}: write project_name and project_domain_name below auth"
    if access.domain_scoped:
        name = access.domain_name or access.domain_id
        return f"the token is for the domain {name}, {advice}"
    if getattr(access, "system_scoped", False):
        return f"the token is for the system, {advice}"
    return f"the token is for no project at all, {advice}"


@dataclass(frozen=True)
class Catalog:
    """The endpoints that a token's catalog holds."""

    services: tuple[Mapping[str, Any], ...]

    def _endpoints(self, *, identity: bool) -> Iterable[Mapping[str, Any]]:
        for service in self.services:
            if (service.get("type") == IDENTITY) is identity:
                yield from service.get("endpoints") or ()

    def urls(
        self, types: Set[str], region: str | None, interface: str | Sequence[str] | None
    ) -> list[str]:
        """Return the URLs of a service by any of its names, as they are written."""
        wanted = [interface] if isinstance(interface, str) else list(interface or ())
        return [
            str(endpoint.get("url") or "")
            for service in self.services
            if service.get("type") in types
            for endpoint in service.get("endpoints") or ()
            if region in (None, _region(endpoint))
            and endpoint.get("interface") in [each.removesuffix("URL") for each in wanted]
        ]

    @property
    def regions(self) -> list[str]:
        """The regions that have more than Keystone, or else all, in order."""
        found = {_region(endpoint) for endpoint in self._endpoints(identity=False)}
        found = found or {_region(endpoint) for endpoint in self._endpoints(identity=True)}
        return sorted(region for region in found if region)

    @property
    def identity_urls(self) -> set[str]:
        """The URLs of Keystone of all interfaces and regions, compared; without malformed ones."""
        found = set()
        for endpoint in self._endpoints(identity=True):
            with suppress(ValueError):
                found.add(compared(str(endpoint.get("url"))))
        return found

    @property
    def ids(self) -> set[str]:
        """The ids of Keystone's own service and endpoints, where the catalog has any."""
        found = {str(s["id"]) for s in self.services if s.get("type") == IDENTITY and s.get("id")}
        return found | {str(e["id"]) for e in self._endpoints(identity=True) if e.get("id")}


def _region(endpoint: Mapping[str, Any]) -> str:
    return str(endpoint.get("region_id") or endpoint.get("region") or "")


def region_of(catalog: Catalog, region: str) -> str:
    """Return the region to ask: the entry's, or the only one.

    Raises:
        ValueError: there is no such region, or several to choose from.
    """
    regions = catalog.regions
    names = " and ".join(regions) or "none"
    if region and region not in regions:
        raise ValueError(
            f"its services are not in the catalog of its region {region}; there are {names}: "
            "correct region_name"
        )
    if region or not regions:
        return region
    if len(regions) > 1:
        raise ValueError(
            f"the entry has no region_name, and the catalog has the regions {names}: write "
            f"region_name: {regions[0]}, or regions: [{', '.join(regions)}] for a cloud each"
        )
    return regions[0]
