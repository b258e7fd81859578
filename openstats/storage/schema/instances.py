"""Tables that describe instances, beside ``instance`` in ``tables``."""

from sqlalchemy import BigInteger, Column, Index, Integer, String, Table

from openstats.storage.schema.tables import metadata
from openstats.storage.schema.types import Time, Uuid, reference

# The volumes that are attached to servers as their first disk, according to Cinder.
first_volume = Table(
    "first_volume",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("server", Uuid, primary_key=True),
    Column("device", String(64), primary_key=True),
)

# What recently deleted or resized servers had, and until when: the next readings still count it.
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
