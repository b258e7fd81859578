"""The number of compute hosts of a cloud that are up, down and disabled."""

from collections.abc import Mapping

from sqlalchemy import delete, insert, select

from openstats.model import Cloud
from openstats.storage.schema.clouds import compute_hosts
from openstats.storage.store import Database

STATES = ("up", "down", "disabled")


def record(db: Database, cloud: Cloud, hosts: Mapping[str, int]) -> None:
    """Replace the numbers of hosts by state."""
    db.execute(delete(compute_hosts).where(compute_hosts.c.cloud_id == cloud.id))
    db.execute(insert(compute_hosts).values(cloud_id=cloud.id, **hosts))


def by_cloud(db: Database) -> dict[int, dict[str, int]]:
    """Return the numbers by cloud (row id); clouds whose services were never read are missing."""
    hosts = {}
    for row in db.execute(select(compute_hosts)):
        hosts[row.cloud_id] = {state: getattr(row, state) for state in STATES}
    return hosts
