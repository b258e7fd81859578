"""A connection to one cloud: a long-lived keystoneauth session, and what its services serve."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cinderclient.client
import keystoneclient.v3.client
import novaclient.client
from keystoneauth1 import adapter
from keystoneauth1.identity.generic.base import BaseGenericPlugin

from openstats import __version__
from openstats.clouds.asking import asking, hear
from openstats.clouds.entry import Entry
from openstats.clouds.redirects import stay
from openstats.errors import CloudError, RefusedError, ServiceMissingError
from openstats.model import Cloud

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
    """How to ask one cloud; safe to share between threads.

    ``timeouts`` are seconds: to connect, and between two bytes of an answer.
    """

    entry: Entry
    timeouts: tuple[float, float]

    @property
    def cloud(self) -> Cloud:
        """The cloud as clouds.yaml tells it."""
        return self.entry.cloud

    @cached_property
    def session(self) -> Any:
        """The keystoneauth session: signs in, renews expired tokens, keeps connections open."""
        with asking(self.cloud.name, "signing in"):
            session = self.entry.region.get_session()
            if isinstance(session.auth, BaseGenericPlugin):
                # It would look which versions there are, and lock itself out for ever where
                # that is answered 401. There is but one version.
                url = f"{self.cloud.keystone}/v3"
                session.auth = session.auth.create_plugin(session, (3, 0), url)
        # keystoneauth takes one number; the requests library below it takes both.
        session.timeout = self.timeouts
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
            raise CloudError(f"{self.cloud.name}: {service} does not tell its microversions")
        if parsed(most) < parsed(lowest) or parsed(least or "0") > parsed(highest):
            raise RefusedError(
                f"{self.cloud.name}: {service} serves microversions {least} to {most}, "
                f"openstats speaks {lowest} to {highest}"
            )
        return min(most, highest, key=parsed)

    @cached_property
    def keystone(self) -> Any:
        """The client of python-keystoneclient."""
        where = self._where("identity")
        return keystoneclient.v3.client.Client(session=self.session, **where)

    @cached_property
    def nova(self) -> Any:
        """The client of python-novaclient, at the newest microversion up to 2.87."""
        where = self._where("compute")
        where["endpoint_type"] = where.pop("interface")
        return novaclient.client.Client(
            self._version("compute", NOVA), session=self.session, service_type="compute", **where
        )

    @cached_property
    def cinder(self) -> Any:
        """The client of python-cinderclient, whichever name the catalog has for the service."""
        where = self._where("block-storage")
        where["endpoint_type"] = where.pop("interface")
        return cinderclient.client.Client(
            self._version("block-storage", CINDER),
            session=self.session,
            service_type="block-storage",
            **where,
        )

    @cached_property
    def placement(self) -> Any:
        """An adapter for Placement, which has no client library."""
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
