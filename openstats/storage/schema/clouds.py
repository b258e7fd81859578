"""Tables beside ``cloud``, as ``schema`` has all others."""

from sqlalchemy import Column, Index, Integer, String, Table

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
