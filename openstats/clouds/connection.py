"""A connection to one cloud: a long-lived keystoneauth session, and the clients of its services.

The calls are in ``services``.
"""

from dataclasses import dataclass, field
from typing import Any

import cinderclient.client
import keystoneclient.v3.client
import novaclient.client
import requests
from keystoneauth1.access import AccessInfo
from keystoneauth1.adapter import Adapter
from keystoneauth1.discover import EndpointData
from keystoneauth1.identity.generic.base import BaseGenericPlugin
from oslo_log import log

from openstats import __version__
from openstats.auth_url import compared, is_url
from openstats.clouds import endpoints
from openstats.clouds.catalog import Catalog
from openstats.clouds.clouds_yaml.entries import CloudEntry
from openstats.clouds.errors import translated
from openstats.clouds.lazy_property import LazyProperty, forget
from openstats.clouds.sign_in import SignIn, scope_fault
from openstats.clouds.transport.adapter import CallLimits, mount
from openstats.clouds.transport.clock_skew import ClockSkew
from openstats.clouds.transport.in_flight import STOP_GRACE, InFlightRequests
from openstats.clouds.transport.redirects import refuse_foreign_redirects
from openstats.clouds.transport.session import CloudSession
from openstats.errors import CloudError, RefusedError
from openstats.model import Cloud

LOG = log.getLogger(__name__)

SIGNING_IN = "signing in"

# 2.47 is the first microversion with flavors in servers, 2.87 the last with hypervisor statistics.
NOVA_VERSIONS = ("2.47", "2.87")
# Time comparison in the volume list needs 3.60.
CINDER_VERSIONS = ("3.0", "3.70")
# Filtering providers by required traits needs 1.18.
PLACEMENT_VERSIONS = ("1.18", "1.36")


def version_key(version: str) -> tuple[int, ...]:
    """Return a microversion as a tuple of integers, for comparison."""
    return tuple(map(int, version.split(".")))


@dataclass
class Connection:
    """A connection to one cloud; thread-safe."""

    entry: CloudEntry
    limits: CallLimits = field(default_factory=CallLimits)
    in_flight: InFlightRequests = field(default_factory=InFlightRequests, compare=False)
    clock_skew: ClockSkew = field(default_factory=ClockSkew, compare=False)
    _microversions: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def cloud(self) -> Cloud:
        """The cloud as its entry in clouds.yaml describes it."""
        return self.entry.cloud

    @LazyProperty
    def session(self) -> Any:
        """Return the session, which signs in, renews tokens, and keeps connections open.

        Raises:
            CloudError: the entry in clouds.yaml cannot be used.
        """
        with translated(self.cloud.name, SIGNING_IN):
            session = self._new_session()
            if isinstance(session.auth, BaseGenericPlugin):
                # The generic plugin would discover versions, and never recover from a 401 to that.
                # Only version 3 exists.
                url = f"{compared(self.cloud.auth_url)}/v3"
                session.auth = session.auth.create_plugin(session, (3, 0), url)
            session.auth.get_auth_ref = SignIn(self.cloud.name, session.auth.get_auth_ref)
        # keystoneauth expects one number; requests, to which it passes the value, accepts two.
        session.timeout = self.limits.timeouts
        mount(session.session, self.limits, self.in_flight)
        session.session.hooks["response"] += [refuse_foreign_redirects, self._observe_date]
        session.additional_user_agent.append(("openstats", __version__))
        return session

    def _new_session(self) -> Any:
        self.entry.region.set_session_constructor(CloudSession)
        try:
            return self.entry.region.get_session()
        except (ValueError, TypeError, LookupError) as error:
            # No request was sent yet.
            raise CloudError(
                f"{self.cloud.name}: its entry in clouds.yaml cannot be used: {error}: correct it"
            ) from error

    def _observe_date(self, response: requests.Response, *_: object, **__: object) -> None:
        self.clock_skew.observe(self.cloud.name, response)

    @property
    def access(self) -> AccessInfo:
        """The access information (keystoneauth) of a valid token; signs in if necessary."""
        with translated(self.cloud.name, SIGNING_IN):
            access: AccessInfo = self.session.auth.get_access(self.session)
            return access

    @property
    def project(self) -> str:
        """The id of the token's project."""
        with translated(self.cloud.name, SIGNING_IN):
            return str(self.session.get_project_id())

    @property
    def catalog(self) -> Catalog:
        """The catalog of the token.

        Raises:
            CloudError: the sign-in fails, or the token is not for a project.
        """
        with translated(self.cloud.name, SIGNING_IN):
            token = self.access
            if fault := scope_fault(token):
                raise CloudError(f"{self.cloud.name}: signing in: {fault}")
            return Catalog(tuple(token.service_catalog.catalog))

    @LazyProperty
    def region(self) -> str:
        """Return the region to use: the entry's, or the only one in the catalog.

        Raises:
            CloudError: the catalog lacks the entry's region, or the entry must choose a region.
        """
        catalog = self.catalog
        try:
            return catalog.choose_region(self.cloud.region)
        except ValueError as error:
            raise CloudError(f"{self.cloud.name}: {error}") from error

    @LazyProperty
    def keystone(self) -> Any:
        """Return the client of python-keystoneclient."""
        url = endpoints.keystone_url(self)
        with translated(self.cloud.name, "where Keystone is"):
            return keystoneclient.v3.client.Client(session=self.session, endpoint_override=url)

    @LazyProperty
    def nova(self) -> Any:
        """Return the client of python-novaclient, at the newest microversion up to 2.87."""
        options = self._client_options("compute", NOVA_VERSIONS)
        options["endpoint_type"] = options.pop("interface")
        return novaclient.client.Client(options.pop("version"), **options)

    @LazyProperty
    def cinder(self) -> Any:
        """Return the client of python-cinderclient, for any service type in the catalog."""
        options = self._client_options("block-storage", CINDER_VERSIONS)
        options["endpoint_type"] = options.pop("interface")
        return cinderclient.client.Client(options.pop("version"), **options)

    @LazyProperty
    def placement(self) -> Adapter:
        """Return an adapter for Placement, which has no client library."""
        options = self._client_options("placement", PLACEMENT_VERSIONS)
        options["default_microversion"] = options.pop("version")
        return Adapter(**options)

    def _client_options(self, service: str, bounds: tuple[str, str]) -> dict[str, Any]:
        """Return the options of a service's client, with its microversion and endpoint."""
        lookup = endpoints.criteria(self.entry, service, self.region)
        try:
            with translated(self.cloud.name, f"which versions of {service} there are"):
                endpoint = endpoints.discover(self, service)
            version = self._negotiate(service, endpoint, bounds)
        except CloudError:
            # keystoneauth would cache a malformed document forever. The service may also be
            # upgraded before the next poll.
            self._forget_documents()
            raise
        return lookup | {
            "session": self.session,
            "endpoint_override": endpoint.url,
            "version": version,
        }

    def _negotiate(self, service: str, endpoint: EndpointData, bounds: tuple[str, str]) -> str:
        """Return the newest microversion that both sides support; log a change of it.

        Raises:
            RefusedError: the service supports no microversion within ``bounds``.
        """
        lowest, highest = bounds
        oldest, newest = _text(endpoint.min_microversion), _text(endpoint.max_microversion)
        is_too_old = version_key(newest) < version_key(lowest)
        is_too_new = version_key(oldest or "0") > version_key(highest)
        if is_too_old or is_too_new:
            raise RefusedError(
                f"{self.cloud.name}: {service} serves microversions {oldest or None} to {newest}, "
                f"openstats supports {lowest} to {highest}"
            )
        microversion = min(newest, highest, key=version_key)
        former = self._microversions.get(service)
        if former not in (None, microversion):
            message = "%s: microversion %s of %s is used from now on, instead of %s"
            LOG.warning(message, self.cloud.name, microversion, service, former)
        self._microversions[service] = microversion
        return microversion

    def forget_refusal(self) -> None:
        """Allow the next call to try a refused credential again at once."""
        if "session" in vars(self):
            self.session.auth.get_auth_ref.forget_refusal()

    def forget_versions(self) -> None:
        """Negotiate microversions again on next use: a service was upgraded or rolled back."""
        self._forget_documents()
        for name in ("nova", "cinder", "placement"):
            forget(self, name)

    def _forget_documents(self) -> None:
        """Clear the version documents, which keystoneauth caches as long as a session exists."""
        for holder in (self.session, self.session.auth):
            getattr(holder, "_discovery_cache", {}).clear()

    def stop(self, grace: float = STOP_GRACE) -> None:
        """Refuse new calls, and abort those in flight after ``grace`` seconds."""
        self.in_flight.stop(grace)

    def identity_urls(self) -> list[str]:
        """Return the public identity endpoints of the catalog, without malformed ones."""
        return [url for url in self.catalog.urls({"identity"}, None, "public") if is_url(url)]


def _text(version: tuple[float, ...] | None) -> str:
    return ".".join(map(str, version or ()))
