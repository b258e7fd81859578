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
from openstats.clouds.asking import asking, hear, heard
from openstats.clouds.entry import Entry
from openstats.clouds.exchanges import Exchanges
from openstats.clouds.once import Once, forget
from openstats.clouds.redirects import stay
from openstats.clouds.transport import Limits, mount
from openstats.errors import CloudError, RefusedError, ServiceMissingError
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

    entry: Entry
    limits: Limits = field(default_factory=Limits)
    exchanges: Exchanges = field(default_factory=Exchanges, compare=False)
    _microversions: dict[str, str] = field(default_factory=dict, compare=False)

    @property
    def cloud(self) -> Cloud:
        """The cloud as clouds.yaml tells it."""
        return self.entry.cloud

    @Once
    def session(self) -> Any:
        """Return the keystoneauth session: it signs in, renews tokens, keeps connections open."""
        with asking(self.cloud.name, "signing in"):
            session = self.entry.region.get_session()
            if isinstance(session.auth, BaseGenericPlugin):
                # It would look which versions there are, and lock itself out for ever where
                # that is answered 401. There is but one version.
                url = f"{self.cloud.keystone}/v3"
                session.auth = session.auth.create_plugin(session, (3, 0), url)
        # keystoneauth takes one number; the requests library below it takes both.
        session.timeout = self.limits.timeouts
        mount(session.session, self.limits, self.exchanges)
        session.session.hooks["response"] += [hear, stay]
        session.additional_user_agent.append(("openstats", __version__))
        return session

    @property
    def project(self) -> str:
        """The id of the project that one is signed in to."""
        with asking(self.cloud.name, "signing in"):
            return str(self.session.get_project_id())

    def _where(self, service: str) -> dict[str, Any]:
        region = self.entry.region
        return {
            "region_name": self.cloud.region or None,
            "interface": region.get_interface(service),
        }

    def _version(self, service: str, limits: tuple[str, str]) -> str:
        """Give the newest microversion that both sides speak.

        Raises:
            RefusedError: the cloud is too old or too new for every one of ours.
        """
        lowest, highest = limits
        with asking(self.cloud.name, f"which versions of {service} there are"):
            data = self.session.get_endpoint_data(
                service_type=service, discover_versions=True, **self._where(service)
            )
            if data is None:
                raise ServiceMissingError(
                    f"{self.cloud.name}: {service}: not in the catalog of its region"
                )
            least, most = _text(data.min_microversion), _text(data.max_microversion)
        if most is None:
            # keystoneauth makes no error of a version document that it cannot get.
            error = CloudError(f"{self.cloud.name}: {service} does not tell its microversions")
            error.retry_after = heard()
            raise error
        if parsed(most) < parsed(lowest) or parsed(least or "0") > parsed(highest):
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

    def forget_versions(self) -> None:
        """Have the microversions found again: a service was rolled back, or upgraded."""
        session = self.session
        for holder in (session, session.auth):
            # What keystoneauth keeps of version documents, for as long as the session lives.
            getattr(holder, "_discovery_cache", {}).clear()
        for name in ("nova", "cinder", "placement"):
            forget(self, name)

    def stop(self) -> None:
        """End the calls under way, and let none begin any more."""
        self.exchanges.stop()

    @Once
    def keystone(self) -> Any:
        """Return the client of python-keystoneclient."""
        where = self._where("identity")
        return keystoneclient.v3.client.Client(session=self.session, **where)

    @Once
    def nova(self) -> Any:
        """Return the client of python-novaclient, at the newest microversion up to 2.87."""
        where = self._where("compute")
        where["endpoint_type"] = where.pop("interface")
        return novaclient.client.Client(
            self._version("compute", NOVA), session=self.session, service_type="compute", **where
        )

    @Once
    def cinder(self) -> Any:
        """Return the client of python-cinderclient, whatever the catalog calls the service."""
        where = self._where("block-storage")
        where["endpoint_type"] = where.pop("interface")
        return cinderclient.client.Client(
            self._version("block-storage", CINDER),
            session=self.session,
            service_type="block-storage",
            **where,
        )

    @Once
    def placement(self) -> Any:
        """Return an adapter for Placement, which has no client library."""
        return adapter.Adapter(
            self.session,
            service_type="placement",
            default_microversion=self._version("placement", PLACEMENT),
            **self._where("placement"),
        )

    def identity_urls(self) -> list[str]:
        """List the public identity endpoints of the catalog."""
        with asking(self.cloud.name, "its catalog"):
            access = self.session.auth.get_access(self.session)
            urls = access.service_catalog.get_urls(service_type="identity", interface="public")
            return list(urls)


def _text(version: tuple[int, ...] | None) -> str | None:
    return None if version is None else ".".join(map(str, version))
