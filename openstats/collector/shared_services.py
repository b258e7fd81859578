"""Services that several regions of a Keystone share: their figures count in one region only.

The endpoint identifies a service. Its figures belong to the region that was registered first; the
other regions have no figures of it.
"""

from collections.abc import Mapping

from oslo_log import log

from openstats.clouds import endpoints
from openstats.clouds.connection import Connection
from openstats.model import Cloud
from openstats.storage.quota import by_tenant
from openstats.storage.registry import clouds, keystones
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

COMPUTE, BLOCK_STORAGE, PLACEMENT = "compute", "block-storage", "placement"


def find(store: Store, cloud: Cloud, connection: Connection) -> Mapping[str, str]:
    """Return the shared services of a cloud, with the name of the cloud that has their figures.

    Log and store changes.
    """
    with store.read() as db:
        marks = keystones.marks_of(db, cloud)
        regions = clouds.regions_of(db, cloud.keystone)
        earlier = [region for region in regions if region.id < cloud.id]
        marks_of_earlier = [keystones.marks_of(db, region) for region in earlier]
    shared: dict[str, str] = {}
    for region, region_marks in zip(earlier, marks_of_earlier, strict=True):
        if region.region in connection.catalog.regions:
            for service in _common(connection, region_marks.get("services") or {}):
                shared.setdefault(service, region.name)
    if shared != marks.get("shared", {}):
        _record(store, cloud, marks | {"shared": shared})
        for service, name in shared.items():
            LOG.warning(
                "%s: its %s service is that of %s, and is counted there", cloud.name, service, name
            )
    return shared


def _common(connection: Connection, endpoint_of: Mapping[str, str]) -> list[str]:
    """Return the services of a connection whose endpoints are those of another region."""
    roots = endpoints.roots(connection)
    return [service for service, endpoint in roots.items() if endpoint_of.get(service) == endpoint]


def _record(store: Store, cloud: Cloud, marks: keystones.Marks) -> None:
    with store.transaction() as db:
        keystones.record(db, cloud, marks)
        by_tenant.make_cloud_due(db, cloud, 0)
