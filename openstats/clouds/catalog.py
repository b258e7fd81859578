"""The catalog of a token: the endpoints of a cloud, and their regions.

``endpoints`` chooses the endpoint to call.
"""

from collections.abc import Iterator, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass

from openstats.auth_url import compared
from openstats.clouds.json_documents import JsonObject

IDENTITY = "identity"


@dataclass(frozen=True)
class Catalog:
    """The services of a token's catalog, as Keystone lists them."""

    services: tuple[JsonObject, ...]

    def _endpoints(self, *, identity: bool) -> Iterator[JsonObject]:
        """Yield the endpoints of Keystone, or those of all other services."""
        for service in self.services:
            if (service.get("type") == IDENTITY) is identity:
                yield from service.get("endpoints") or ()

    def urls(
        self, types: Set[str], region: str | None, interface: str | Sequence[str] | None
    ) -> list[str]:
        """Return the URLs of the services of these types, as the catalog spells them.

        Without a region, return the URLs of all regions.
        """
        interfaces = [interface] if isinstance(interface, str) else list(interface or ())
        names = {name.removesuffix("URL") for name in interfaces}
        urls = []
        for service in self.services:
            if service.get("type") not in types:
                continue
            for endpoint in service.get("endpoints") or ():
                in_region = region is None or region == _region(endpoint)
                if in_region and endpoint.get("interface") in names:
                    urls.append(str(endpoint.get("url") or ""))
        return urls

    @property
    def regions(self) -> list[str]:
        """The sorted names of regions with services other than Keystone, or else of all regions."""
        regions = set(map(_region, self._endpoints(identity=False)))
        regions = regions or set(map(_region, self._endpoints(identity=True)))
        return sorted(regions - {""})

    @property
    def identity_urls(self) -> set[str]:
        """The well-formed URLs of Keystone in all interfaces and regions, in normalised form."""
        urls = set()
        for endpoint in self._endpoints(identity=True):
            with suppress(ValueError):
                urls.add(compared(str(endpoint.get("url"))))
        return urls

    @property
    def ids(self) -> set[str]:
        """The ids of Keystone's own service and endpoints, if the catalog has them."""
        identity = [service for service in self.services if service.get("type") == IDENTITY]
        nodes = [*identity, *self._endpoints(identity=True)]
        return {str(node["id"]) for node in nodes if node.get("id")}

    def choose_region(self, region: str) -> str:
        """Return the region to use: ``region``, or the only one; empty if the catalog has none.

        Raises:
            ValueError: the catalog lacks ``region``, or has several to choose from.
        """
        regions = self.regions
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


def _region(endpoint: JsonObject) -> str:
    return str(endpoint.get("region_id") or endpoint.get("region") or "")
