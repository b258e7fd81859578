"""Root disks: whether the root disk of a server is on its hypervisor or on a volume.

Nova shows the image even of a server whose root disk is a volume, although Placement then allocates
no disk for it. Cinder says which volume is attached as which device.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, case, delete, exists

from openstats.model import Cloud
from openstats.storage.dialects import add_missing
from openstats.storage.schema import tables
from openstats.storage.schema.instances import first_volume
from openstats.storage.store import Database

instance = tables.instance

OF_SERVER = (first_volume.c.cloud_id == instance.c.cloud_id) & (
    first_volume.c.server == instance.c.uuid
)
# If Nova does not show the root device, the first disk counts as the root device.
IS_ROOT = OF_SERVER & (
    (instance.c.root_device == "") | (first_volume.c.device == instance.c.root_device)
)


def write(db: Database, cloud: Cloud, attachments: Collection[tuple[str, str]]) -> None:
    """Store servers (uuids) with the names of the devices that volumes are attached as.

    Rows of servers that no longer exist are deleted. Other rows stay, because a root volume stays
    attached as long as its server exists.
    """
    of_cloud = first_volume.c.cloud_id == cloud.id
    db.execute(delete(first_volume).where(of_cloud, ~exists().where(OF_SERVER)))
    rows = [
        {"cloud_id": cloud.id, "server": uuid, "device": name} for uuid, name in sorted(attachments)
    ]
    add_missing(db, first_volume, rows)


def local_disk() -> ColumnElement[int]:
    """Return an expression for the MiB of an instance's disk that are on its hypervisor."""
    without_root = instance.c.disk - instance.c.root
    on_volume = (instance.c.root > 0) & exists().where(IS_ROOT)
    return case((on_volume, without_root), else_=instance.c.disk)
