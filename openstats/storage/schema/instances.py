"""Tables beside ``instance``, which is in ``tables``."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from openstats.storage.schema.tables import metadata
from openstats.storage.schema.types import Time, Uuid, reference

# Volumes that are attached as the first disk of a server, as Cinder tells.
first_volume = Table(
    "first_volume",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("server", Uuid, primary_key=True),
    Column("device", String(64), primary_key=True),
)

# Servers that ended lately: the next readings count what they had until then.
ended_instance = Table(
    "ended_instance",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("uuid", Uuid, primary_key=True),
    reference("tenant_id", "tenant.id", nullable=False, index=True),
    Column("vcpus", Integer, nullable=False),
    Column("ram", BigInteger, nullable=False),
    Column("disk", BigInteger, nullable=False),
    Column("created_at", Time, nullable=False),
    Column("ended_at", Time, nullable=False),
    Index(None, "cloud_id", "ended_at"),
)
