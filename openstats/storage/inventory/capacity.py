"""Capacity: what the hypervisors of clouds have, as reported by Nova or Placement."""

from dataclasses import asdict
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, Select, bindparam, delete, insert, select

from openstats.meters import CAPACITY
from openstats.model import Capacity, Cloud
from openstats.storage.schema import tables
from openstats.storage.schema.clouds import cloud_url
from openstats.storage.store import Database

capacity, cloud = tables.capacity, tables.cloud


@cache
def _of_url(*, of_region: bool) -> Select[Any]:
    """Select the clouds at a URL (and in a region), with their capacity if it was ever read."""
    rows = select(cloud.c.id, capacity)
    rows = rows.join(cloud_url, cloud_url.c.cloud_id == cloud.c.id)
    rows = rows.outerjoin(capacity, capacity.c.cloud_id == cloud.c.id)
    rows = rows.where(cloud_url.c.url == bindparam("url"))
    return rows.where(cloud.c.region == bindparam("region")) if of_region else rows


def of_url(db: Database, url: str, region: str | None) -> dict[int, tuple[Capacity, int] | None]:
    """Return, by cloud (row id), the capacity and when it was read; None if it was never read.

    ``url`` is in compared form. The result is empty if no registered cloud has that URL.
    """
    values = {"url": url} | ({"region": region} if region else {})
    capacities = {}
    for row in db.execute(_of_url(of_region=bool(region)), values).mappings():
        is_unread = row["collected_at"] is None
        capacities[row["id"]] = None if is_unread else _capacity(row)
    return capacities


def regions(db: Database, url: str) -> list[str]:
    """Return the names of the regions at a URL (in compared form), in order."""
    clouds = select(cloud_url.c.cloud_id).where(cloud_url.c.url == url)
    names = select(cloud.c.region).where(cloud.c.id.in_(clouds)).distinct()
    return list(db.scalars(names.order_by(cloud.c.region)))


def by_cloud(db: Database) -> dict[int, tuple[Capacity, int]]:
    """Return, by cloud (row id), the capacity and when it was read; unread clouds are missing."""
    rows = db.execute(select(capacity)).mappings()
    return {row["cloud_id"]: _capacity(row) for row in rows}


def _capacity(row: RowMapping) -> tuple[Capacity, int]:
    figures = {name: row[name] for name in (*CAPACITY, "source")}
    return Capacity(**figures), row["collected_at"]


def record(db: Database, cloud: Cloud, figures: Capacity, now: int) -> None:
    """Replace the capacity of a cloud."""
    db.execute(delete(capacity).where(capacity.c.cloud_id == cloud.id))
    db.execute(insert(capacity).values(cloud_id=cloud.id, collected_at=now, **asdict(figures)))
