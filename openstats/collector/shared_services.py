"""Services that several regions of a Keystone name: their figures count in one region only.

A service is known by its endpoint. Its figures are those of the region that was registered first;
the others have none of it.
"""

from collections.abc import Mapping

from oslo_log import log

from openstats.clouds import endpoints
from openstats.clouds.connection import Connection
from openstats.model import Cloud
from openstats.storage import quota
from openstats.storage.registry import clouds, keystones
from openstats.storage.store import Store

LOG = log.getLogger(__name__)

COMPUTE, BLOCK_STORAGE, PLACEMENT = "compute", "block-storage", "placement"


def find(store: Store, cloud: Cloud, connection: Connection) -> Mapping[str, str]:
    """Return, by service, the name of the cloud that has its figures; log and keep what changed."""
    with store.read() as db:
        marks = keystones.marks_of(db, cloud)
        earlier = [each for each in clouds.regions_of(db, cloud.keystone) if each.id < cloud.id]
        known = [(each.name, each.region, keystones.marks_of(db, each)) for each in earlier]
    shared: dict[str, str] = {}
    for name, region, others in known:
        if region in connection.catalog.regions:
            shared = _same(connection, others.get("services") or {}, name) | shared
    if shared != marks.get("shared", {}):
        _record(store, cloud, marks | {"shared": shared})
        for service, name in shared.items():
            LOG.warning("%s: its %s is that of %s, and counts there", cloud.name, service, name)
    return shared


def _same(connection: Connection, others: Mapping[str, str], name: str) -> dict[str, str]:
    own = endpoints.roots(connection)
    return {service: name for service, root in own.items() if others.get(service) == root}


def _record(store: Store, cloud: Cloud, marks: keystones.Marks) -> None:
    with store.transaction() as db:
        keystones.record(db, cloud, marks)
        quota.make_cloud_due(db, cloud, 0)
