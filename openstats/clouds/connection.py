"""A connection to one cloud: a long-lived keystoneauth session, and what its services serve."""

from dataclasses import dataclass, field
from typing import Any

import cinderclient.client
import keystoneclient.v3.client
import novaclient.client
from keystoneauth1 import adapter
from keystoneauth1.identity.generic.base import BaseGenericPlugin
from oslo_log import log

from openstats import __version__
from openstats.auth_url import compared, is_url
from openstats.clouds import endpoints
from openstats.clouds.clouds_yaml.entries import CloudEntry
from openstats.clouds.errors import hear, heard, translated
from openstats.clouds.lazy_property import LazyProperty, forget
from openstats.clouds.sign_in import Catalog, SignIn, region_of, scope_fault
from openstats.clouds.transport.adapter import CallLimits, mount
from openstats.clouds.transport.clock_skew import ClockSkew
from openstats.clouds.transport.in_flight import GRACE, InFlightRequests
from openstats.clouds.transport.redirects import refuse_foreign_redirects
from openstats.errors import CloudError, RefusedError
from openstats.model import Cloud

LOG = log.getLogger(__name__)

# Nova's hypervisor statistics end with 2.87, and flavors are embedded in servers from 2.47.
NOVA = ("2.47", "2.87")
# Time comparison in the volume list begins with 3.60.
CINDER = ("3.0", "3.70")
# Providers are listed by required traits from 1.18.
PLACEMENT = ("1.18", "1.36")


def parsed(version: str) -> tuple[int, ...]:
    """Give a microversion in a form that compares."""
    return tuple(map(int, version.split(".")))


@dataclass
class Connection:
    """How to ask one cloud; safe to share between threads."""

    entry: CloudEntry
    limits: CallLimits = field(default_factory=CallLimits)
    in_flight: InFlightRequests = field(default_factory=InFlightRequests, compare=False)
    clock_skew: ClockSkew = field(default_factory=ClockSkew, compare=False)
    _microversions: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def cloud(self) -> Cloud:
        """The cloud as clouds.yaml tells it."""
        return self.entry.cloud

    @LazyProperty
    def session(self) -> Any:
        """Return the keystoneauth session: it signs in, renews tokens, keeps connections open."""
        with translated(self.cloud.name, "signing in"):
            session = self._new_session()
            if isinstance(session.auth, BaseGenericPlugin):
                # It would look which versions there are, and lock itself out for ever where
                # that is answered 401. There is but one version.
                url = f"{compared(self.cloud.auth_url)}/v3"
                session.auth = session.auth.create_plugin(session, (3, 0), url)
            session.auth.get_auth_ref = SignIn(self.cloud.name, session.auth.get_auth_ref)
        # keystoneauth takes one number; the requests library below it takes both.
        session.timeout = self.limits.timeouts
        mount(session.session, self.limits, self.in_flight)
        session.session.hooks["response"] += [hear, refuse_foreign_redirects, self._date]
        session.additional_user_agent.append(("openstats", __version__))
        return session

    def _new_session(self) -> Any:
        try:
            return self.entry.region.get_session()
        except (ValueError, TypeError, LookupError) as error:
            # Nobody was asked yet.
            raise CloudError(
                f"{self.cloud.name}: its entry in clouds.yaml cannot be used: {error}: correct it"
            ) from error

    def _date(self, response: Any, *_: object, **__: object) -> None:
        self.clock_skew.observe(self.cloud.name, response)

    @property
    def project(self) -> str:
        """The id of the project that one is signed in to."""
        with translated(self.cloud.name, "signing in"):
            return str(self.session.get_project_id())

    @property
    def catalog(self) -> Catalog:
        """The catalog of the token.

        Raises:
            CloudError: one cannot sign in, or the token is not for a project.
        """
        with translated(self.cloud.name, "signing in"):
            token = self.session.auth.get_access(self.session)
            if fault := scope_fault(token):
                raise CloudError(f"{self.cloud.name}: signing in: {fault}")
            return Catalog(tuple(token.service_catalog.catalog))

    @LazyProperty
    def region(self) -> str:
        """Return the region to ask: the entry's, or the only one in the catalog.

        Raises:
            CloudError: the catalog has another one, or several.
        """
        catalog = self.catalog
        try:
            return region_of(catalog, self.cloud.region)
        except ValueError as error:
            raise CloudError(f"{self.cloud.name}: {error}") from error

    def _client(self, service: str, limits: tuple[str, str]) -> dict[str, Any]:
        """Return what makes a client of a service: its microversion, and where it is."""
        place = endpoints.where(self.entry, service, self.region)
        try:
            with translated(self.cloud.name, f"which versions of {service} there are"):
                data = endpoints.discover(self, service)
        except CloudError:
            # A document that cannot be read would be kept for ever.
            self._forget_documents()
            raise
        return place | {
            "session": self.session,
            "endpoint_override": data.url,
            "version": self._version(service, data, limits),
        }

    def _version(self, service: str, data: Any, limits: tuple[str, str]) -> str:
        """Give the newest microversion that both sides speak.

        Raises:
            RefusedError: the cloud is too old or too new for every one of ours.
        """
        lowest, highest = limits
        least, most = _text(data.min_microversion), _text(data.max_microversion)
        if most is None:
            # keystoneauth makes no error of a version document that it cannot get.
            error = CloudError(
                f"{self.cloud.name}: {service} at {data.url} does not tell its microversions: it "
                "is down, or its endpoint is wrong"
            )
            error.retry_after = heard()
            raise error
        if parsed(most) < parsed(lowest) or parsed(least or "0") > parsed(highest):
            # It may be upgraded: the next poll is to see it.
            self._forget_documents()
            raise RefusedError(
                f"{self.cloud.name}: {service} serves microversions {least} to {most}, "
                f"openstats speaks {lowest} to {highest}"
            )
        return self._spoken(service, min(most, highest, key=parsed))

    def _spoken(self, service: str, microversion: str) -> str:
        """Keep which microversion is spoken, and log where it is another one than before."""
        before = self._microversions.get(service)
        if before not in (None, microversion):
            what = "%s: microversion %s of %s is spoken from now on, instead of %s"
            LOG.warning(what, self.cloud.name, microversion, service, before)
        self._microversions[service] = microversion
        return microversion

    def forget_refusal(self) -> None:
        """Have a refused credential tried again at once."""
        if "session" in vars(self):
            self.session.auth.get_auth_ref.forget()

    def forget_versions(self) -> None:
        """Have the microversions found again: a service was rolled back, or upgraded."""
        self._forget_documents()
        for name in ("nova", "cinder", "placement"):
            forget(self, name)

    def _forget_documents(self) -> None:
        """Forget what keystoneauth keeps of version documents for as long as a session lives."""
        for holder in (self.session, self.session.auth):
            getattr(holder, "_discovery_cache", {}).clear()

    def stop(self, grace: float = GRACE) -> None:
        """End the calls under way after so many seconds, and let none begin any more."""
        self.in_flight.stop(grace)

    @LazyProperty
    def keystone(self) -> Any:
        """Return the client of python-keystoneclient."""
        url = endpoints.keystone_url(self)
        with translated(self.cloud.name, "where Keystone is"):
            return keystoneclient.v3.client.Client(session=self.session, endpoint_override=url)

    @LazyProperty
    def nova(self) -> Any:
        """Return the client of python-novaclient, at the newest microversion up to 2.87."""
        client = self._client("compute", NOVA)
        client["endpoint_type"] = client.pop("interface")
        return novaclient.client.Client(client.pop("version"), **client)

    @LazyProperty
    def cinder(self) -> Any:
        """Return the client of python-cinderclient, whatever the catalog calls the service."""
        client = self._client("block-storage", CINDER)
        client["endpoint_type"] = client.pop("interface")
        return cinderclient.client.Client(client.pop("version"), **client)

    @LazyProperty
    def placement(self) -> Any:
        """Return an adapter for Placement, which has no client library."""
        client = self._client("placement", PLACEMENT)
        client["default_microversion"] = client.pop("version")
        return adapter.Adapter(**client)

    def identity_urls(self) -> list[str]:
        """List the public identity endpoints of the catalog; a malformed one is no URL of ours."""
        return [url for url in self.catalog.urls({"identity"}, None, "public") if is_url(url)]


def _text(version: tuple[int, ...] | None) -> str | None:
    return None if version is None else ".".join(map(str, version))
