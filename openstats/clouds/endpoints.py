"""The endpoints of a cloud's services, from its catalog or from overrides in clouds.yaml.

Endpoints without a version, with an old version, or in another region are found as openstacksdk
finds them.
"""

import re
from copy import copy
from typing import Any, Protocol

from keystoneauth1.adapter import Adapter
from keystoneauth1.discover import EndpointData

from openstats.auth_url import compared, is_url
from openstats.clouds.catalog import Catalog
from openstats.clouds.clouds_yaml.entries import CloudEntry
from openstats.clouds.transport.session import CloudSession
from openstats.errors import CloudError

EndpointFilter = dict[str, Any]
"""Arguments of keystoneauth for the lookup of an endpoint."""


class SignedInCloud(Protocol):
    """What of a ``Connection`` determines the endpoints."""

    entry: CloudEntry

    @property
    def region(self) -> str:
        """The name of the region."""

    @property
    def catalog(self) -> Catalog:
        """The catalog of the token."""

    @property
    def session(self) -> CloudSession:
        """The session."""


VERSIONS = {
    "compute": ("2.1", "2.latest"),
    "block-storage": ("3", "3.latest"),
    "placement": ("1", "1.latest"),
}
"""The lowest and the highest API version of each service that openstats supports."""

SERVICE_TYPES = {
    "identity": {"identity"},
    "compute": {"compute"},
    "block-storage": {"block-storage", "block-store", "volumev3", "volumev2", "volume"},
    "placement": {"placement"},
}
"""The service types under which catalogs list the services."""

KEYSTONE_PATH = "/v3"

VERSION_IN_URL = re.compile(r"/v\d+(\.\d+)?(/[^/]*)?/?$")
"""The part of a URL after the root of a service: a version, and possibly a project."""


def criteria(entry: CloudEntry, service: str, region: str) -> EndpointFilter:
    """Return keystoneauth's arguments for the lookup of a service's endpoint, by clouds.yaml."""
    region_of_service = entry.region.config.get(f"{service.replace('-', '_')}_region_name")
    return {
        "service_type": entry.region.get_service_type(service),
        "service_name": entry.region.get_service_name(service),
        "region_name": region_of_service or region or None,
        "interface": entry.region.get_interface(service),
    }


def discover(connection: SignedInCloud, service: str) -> EndpointData:
    """Return the endpoint of a service, with its URL and its microversions.

    Raises:
        EndpointNotFound: the catalog lacks the service; ``translated`` makes this a
            ServiceMissingError.
        CloudError: the URL is malformed, or the service has no supported version or does not list
            its microversions.
    """
    cloud = connection.entry.cloud.name
    lookup = criteria(connection.entry, service, connection.region)
    override = connection.entry.region.get_endpoint(service)
    url = override or _catalog_url(connection, service, lookup)
    if not is_url(url):
        raise CloudError(
            f"{cloud}: {service}: its endpoint {url!r} is no http or https URL: correct it "
            "in Keystone's catalog, or in clouds.yaml"
        )
    # keystoneauth drops errors of the discovery; the copy records the pauses they requested.
    session = copy(connection.session)
    lookup |= {"session": session, "endpoint_override": override}
    endpoint = Adapter(**lookup).get_endpoint_data()
    if endpoint is None or not endpoint.max_microversion:
        endpoint = _endpoint_of_version(service, lookup) or endpoint
    if endpoint is None:
        lowest, _ = VERSIONS[service]
        raise CloudError(
            f"{cloud}: {service} at {url} serves no version from {lowest} on: correct its endpoint"
        )
    if endpoint.max_microversion is None:
        error = CloudError(
            f"{cloud}: {service} at {endpoint.url} does not list its microversions: it is down, "
            "or its endpoint is wrong"
        )
        error.retry_after = session.requested_pause
        raise error
    return endpoint


def _endpoint_of_version(service: str, lookup: EndpointFilter) -> EndpointData | None:
    """Return the endpoint of a supported version, from the versions at the root of the service.

    The catalog's URL may have an old version, or none.
    """
    lowest, highest = VERSIONS[service]
    override = lookup["endpoint_override"] and VERSION_IN_URL.sub("", lookup["endpoint_override"])
    root = {**lookup, "endpoint_override": override}
    return Adapter(**root, min_version=lowest, max_version=highest).get_endpoint_data()


def roots(connection: SignedInCloud) -> dict[str, str]:
    """Return the URLs of a cloud's services without version and project, by service.

    They are normalised for comparison. Services without a well-formed URL are left out.
    """
    urls_of_roots: dict[str, str] = {}
    for service in VERSIONS:
        lookup = criteria(connection.entry, service, connection.region)
        override = connection.entry.region.get_endpoint(service)
        urls = [override] if override else _catalog_urls(connection, service, lookup)
        if urls and is_url(urls[0]):
            urls_of_roots[service] = compared(VERSION_IN_URL.sub("", urls[0]))
    return urls_of_roots


def _catalog_urls(connection: SignedInCloud, service: str, lookup: EndpointFilter) -> list[str]:
    region, interface = lookup["region_name"], lookup["interface"]
    return connection.catalog.urls(SERVICE_TYPES[service], region, interface)


def _catalog_url(connection: SignedInCloud, service: str, lookup: EndpointFilter) -> str:
    """Return the URL of a service as the catalog spells it, even if it is malformed.

    Raises:
        EndpointNotFound: the catalog lacks the service.
    """
    for url in _catalog_urls(connection, service, lookup):
        # keystoneauth skips a malformed URL, or fails.
        if not is_url(url):
            return url
    return str(connection.session.get_endpoint(**lookup, skip_discovery=True))


def keystone_url(connection: SignedInCloud) -> str:
    """Return the URL of Keystone v3: in the region, in any other region, or else ``auth_url``."""
    lookup = criteria(connection.entry, "identity", connection.region)
    of_all_regions = {**lookup, "region_name": None}
    urls = [
        connection.entry.region.get_endpoint("identity"),
        *_catalog_urls(connection, "identity", lookup),
        *_catalog_urls(connection, "identity", of_all_regions),
    ]
    for url in urls:
        if url and is_url(url):
            return compared(url) + KEYSTONE_PATH
    return connection.entry.cloud.keystone + KEYSTONE_PATH
