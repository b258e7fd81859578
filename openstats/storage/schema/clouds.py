"""Tables beside ``cloud``, which is in ``tables``; and the cloud that a row of it is."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Column, Index, Integer, String, Table

from openstats.model import Cloud
from openstats.storage.schema.tables import metadata
from openstats.storage.schema.types import reference

# Every URL by which a cloud may be asked for: its own, its aliases, its catalog's. Compared form.
cloud_url = Table(
    "cloud_url",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True),
    Column("url", String(1024), primary_key=True),
    Index(None, "url"),
)

# Under which other Keystone URL and region entries of clouds.yaml mean a cloud. Compared form.
cloud_alias = Table(
    "cloud_alias",
    metadata,
    Column("keystone", String(1024), primary_key=True),
    Column("region", String(255), primary_key=True),
    reference("cloud_id", "cloud.id", nullable=False, index=True),
)

# How many compute hosts are enabled and answer, are enabled and do not, and are disabled.
compute_hosts = Table(
    "compute_hosts",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    *(Column(name, Integer, nullable=False) for name in ("up", "down", "disabled")),
)


def cloud_of(row: Any) -> Cloud:
    """Return the cloud of a row that has all columns of its table."""
    return Cloud(**{field.name: getattr(row, field.name) for field in fields(Cloud)})
