"""Where a cloud's services are: by its catalog, or by what clouds.yaml says instead.

Endpoints without a version, with an old one, or in another region are found as openstacksdk does.
"""

import re
from collections.abc import Mapping
from typing import Any

from keystoneauth1 import adapter

from openstats.auth_url import compared, is_url
from openstats.errors import CloudError

VERSIONS = {
    "compute": ("2.1", "2.latest"),
    "block-storage": ("3", "3.latest"),
    "placement": ("1", "1.latest"),
}
"""Major versions of the services' APIs that openstats speaks."""

TYPES = {
    "compute": {"compute"},
    "block-storage": {"block-storage", "block-store", "volumev3", "volumev2", "volume"},
    "placement": {"placement"},
}
"""What catalogs call the services."""

LATEST_KEYSTONE = "/v3"

VERSION = re.compile(r"/v\d+(\.\d+)?(/[^/]*)?/?$")
"""What a URL may have behind the root of a service: a version, and a project."""


def where(entry: Any, service: str, region: str) -> dict[str, Any]:
    """Return what keystoneauth looks an endpoint up by, as clouds.yaml has it for the service."""
    of_service = entry.region.config.get(f"{service.replace('-', '_')}_region_name")
    return {
        "service_type": entry.region.get_service_type(service),
        "service_name": entry.region.get_service_name(service),
        "region_name": of_service or region or None,
        "interface": entry.region.get_interface(service),
    }


def discover(connection: Any, service: str) -> Any:
    """Return keystoneauth's endpoint data of a service: its URL, and the microversions there.

    Raises:
        ServiceMissingError: the catalog does not hold it.
        CloudError: the catalog's URL is none, or there is no version of ours.
    """
    place = where(connection.entry, service, connection.region)
    override = connection.entry.region.get_endpoint(service)
    url = override or _in_catalog(connection, service, place)
    _check(connection.cloud.name, service, url)
    place |= {"session": connection.session, "endpoint_override": override}
    data = adapter.Adapter(**place).get_endpoint_data()
    if data is not None and data.max_microversion:
        return data
    # The endpoint is an old version's, or none's: others are told of at the root.
    lowest, highest = VERSIONS[service]
    place["endpoint_override"] = override and VERSION.sub("", override)
    bounded = adapter.Adapter(**place, min_version=lowest, max_version=highest)
    other = bounded.get_endpoint_data()
    if other is None and data is None:
        raise CloudError(
            f"{connection.cloud.name}: {service} at {url} serves no version from {lowest} "
            "on: correct its endpoint"
        )
    return other or data


def roots(connection: Any) -> dict[str, str]:
    """Return where the services of a cloud are, by service: URLs without version and project.

    They are in compared form; services that are missing, or are nowhere, are not among them.
    """
    found: dict[str, str] = {}
    for service in VERSIONS:
        place = where(connection.entry, service, connection.region)
        override = connection.entry.region.get_endpoint(service)
        urls = [override] if override else _urls(connection, service, place)
        if urls and is_url(urls[0]):
            found[service] = compared(VERSION.sub("", urls[0]))
    return found


def _urls(connection: Any, service: str, place: Mapping[str, Any]) -> list[str]:
    """Return the URLs of a service as the catalog has them."""
    urls: list[str] = connection.catalog.urls(
        TYPES[service], place["region_name"], place["interface"]
    )
    return urls


def _in_catalog(connection: Any, service: str, place: Mapping[str, Any]) -> str:
    """Return the URL of a service as the catalog has it, be it one or not.

    Raises:
        EndpointNotFound: there is none.
    """
    for url in _urls(connection, service, place):
        # keystoneauth leaves such a one out, or fails.
        if not is_url(url):
            return url
    return str(connection.session.get_endpoint(**place, skip_discovery=True))


def _check(cloud: str, service: str, url: str) -> None:
    if not is_url(url):
        raise CloudError(
            f"{cloud}: {service}: its endpoint {url!r} is no http or https URL: correct it "
            "in Keystone's catalog, or in clouds.yaml"
        )


def keystone_url(connection: Any) -> str:
    """Return where Keystone v3 is: in the region, in any other, or where one signs in."""
    place = where(connection.entry, "identity", connection.region)
    interface = place["interface"]
    urls = [
        connection.entry.region.get_endpoint("identity"),
        *connection.catalog.urls({"identity"}, place["region_name"], interface),
        *connection.catalog.urls({"identity"}, None, interface),
    ]
    usable = [compared(url) for url in urls if url and is_url(url)]
    return (usable or [connection.cloud.keystone])[0] + LATEST_KEYSTONE
