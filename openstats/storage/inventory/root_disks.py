"""Where the root disks of servers are: on their hypervisor, or on a volume.

Nova shows the image also of a server whose root is a volume, and Placement allocates no disk for it
then. Which volume is attached as which device, Cinder tells.
"""

from collections.abc import Collection

from sqlalchemy import ColumnElement, Connection, case, delete, exists

from openstats.model import Cloud
from openstats.storage.dialects import add_missing
from openstats.storage.schema import tables
from openstats.storage.schema.instances import first_volume

instance = tables.instance

OF_SERVER = (first_volume.c.cloud_id == instance.c.cloud_id) & (
    first_volume.c.server == instance.c.uuid
)
# Where Nova does not show the root device, the first disk is it.
ROOT = OF_SERVER & (
    (instance.c.root_device == "") | (first_volume.c.device == instance.c.root_device)
)


def write(db: Connection, cloud: Cloud, attachments: Collection[tuple[str, str]]) -> None:
    """Write servers (uuids) with the devices that volumes are attached as.

    A root volume stays attached as long as its server exists.
    """
    of_cloud = first_volume.c.cloud_id == cloud.id
    db.execute(delete(first_volume).where(of_cloud, ~exists().where(OF_SERVER)))
    rows = [
        {"cloud_id": cloud.id, "server": uuid, "device": name} for uuid, name in sorted(attachments)
    ]
    add_missing(db, first_volume, rows)


def local_disk() -> ColumnElement[int]:
    """Return, as an expression, MiB of an instance's disk that its hypervisor holds."""
    without_root = instance.c.disk - instance.c.root
    on_volume = (instance.c.root > 0) & exists().where(ROOT)
    return case((on_volume, without_root), else_=instance.c.disk)
