"""The tables. Times are Unix seconds; uuids are dashed, lower case; names are the clouds' own."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.schema import SchemaItem

from openstats.meters import CAPACITY, QUOTA_NAMES, SERVICES
from openstats.storage.schema.types import Time, Uuid, flag, identity, reference, since

HEAD = "0007"
"""The revision that this code works with: the newest of ``migrations/versions``."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

cloud = Table(
    "cloud",
    metadata,
    *identity(),
    Column("name", String(255), nullable=False, unique=True),
    Column("auth_url", String(1024), nullable=False),
    Column("region", String(255), nullable=False),
    # The compared form of auth_url: what an id of this Keystone is unique within.
    Column("keystone", String(1024), nullable=False),
    # Whether clouds.yaml says that all hypervisors tell of one and the same disk.
    flag("disk_shared"),
    # By what its Keystone is known, and which entries of clouds.yaml are left aside, by host: JSON
    # of storage/registry/keystones.py.
    Column("identity", Text),
    Column("left_aside", Text),
    UniqueConstraint("keystone", "region"),
)


def _object(name: str, *columns: SchemaItem) -> Table:
    """Return a table of the registry, with columns of its own.

    The first servers and volumes date what is ``undated``. What ``vanished`` was deleted because
    its clouds have it no more.
    """
    dates = Column("created_at", Time), Column("deleted_at", Time)
    origin = Column("keystone", String(1024)), Column("keystone_id", String(255))
    flags = flag("undated"), flag("name_by_hand"), flag("vanished")
    common = *identity(), Column("name", String(255), nullable=False), *dates, *origin, *flags
    constraint = UniqueConstraint("keystone", "keystone_id")
    return Table(name, metadata, *common, *columns, constraint, Index(None, "created_at"))


customer = _object("customer")
project_group = _object(
    "project_group", reference("customer_id", "customer.id", nullable=False, index=True)
)
project = _object(
    "project",
    reference("customer_id", "customer.id", nullable=False),
    since("customer_since"),
    flag("customer_by_hand"),
    # Covering: sums by customer read no row of this table.
    Index(None, "customer_id", "deleted_at"),
)

project_group_member = Table(
    "project_group_member",
    metadata,
    reference("project_group_id", "project_group.id", primary_key=True),
    reference("project_id", "project.id", primary_key=True),
    flag("by_hand"),
    Index(None, "project_id"),
)

# What was taken out of a group by hand: discovery does not put it back.
project_group_left = Table(
    "project_group_left",
    metadata,
    reference("project_group_id", "project_group.id", primary_key=True),
    reference("project_id", "project.id", primary_key=True),
)

tenant = Table(
    "tenant",
    metadata,
    *identity(),
    reference("cloud_id", "cloud.id", nullable=False),
    Column("tenant_id", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    reference("project_id", "project.id", ondelete="SET NULL"),
    since("project_since"),
    flag("project_by_hand"),
    Column("deleted_at", Time),
    # Complete sweeps in a row that did not show it.
    Column("missed", Integer, nullable=False, server_default=text("0")),
    # Creation of its earliest server or volume, as the first sweeps saw them.
    Column("first_created", Time),
    # Its place in the vectors of its cloud's readings; NULL until it was in one.
    Column("slot", Integer),
    UniqueConstraint("cloud_id", "tenant_id"),
    Index(None, "project_id", "deleted_at", "enabled", "cloud_id"),
    Index(None, "cloud_id", "deleted_at", "project_id", "enabled"),
    Index("ix_tenant_slot", "cloud_id", "slot", unique=True),
)


def _former(name: str, owned: str, owner: str) -> Table:
    """Return a table of what once belonged to whom; what belongs to whom now is in ``owned``."""
    return Table(
        name,
        metadata,
        reference(f"{owned}_id", f"{owned}.id", primary_key=True, autoincrement=False),
        Column("since", Time, primary_key=True, autoincrement=False),
        Column("until", Time, nullable=False),
        reference(f"{owner}_id", f"{owner}.id", nullable=False, index=True),
    )


former_project = _former("former_project", "tenant", "project")
former_customer = _former("former_customer", "project", "customer")

# A limit of -1 is unlimited; a limit or use that is NULL is not known yet.
quota = Table(
    "quota",
    metadata,
    reference("tenant_id", "tenant.id", primary_key=True, autoincrement=False),
    Column("due_at", Time, nullable=False),
    *(Column(f"{service}_at", Time) for service in SERVICES),
    *(Column(f"{name}_limit", BigInteger) for name in QUOTA_NAMES),
    *(Column(f"{name}_in_use", BigInteger) for name in QUOTA_NAMES),
    Column("error", Text),
    # By volume type, as storage/volume_types.py writes it. The last column: no sum reads on to it.
    Column("volume_types", Text),
    Index(None, "due_at"),
)

instance = Table(
    "instance",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("uuid", Uuid, primary_key=True),
    reference("tenant_id", "tenant.id", nullable=False, index=True),
    Column("name", String(255), nullable=False),
    Column("status", String(64), nullable=False),
    Column("vcpus", Integer, nullable=False),
    *(Column(name, BigInteger, nullable=False) for name in ("ram", "disk")),
    # Of its disk, what is elsewhere if a volume is attached as the root device.
    Column("root", BigInteger, nullable=False, server_default=text("0")),
    Column("root_device", String(64), nullable=False, server_default=text("''")),
    Column("created_at", Time, nullable=False),
    Column("host", String(255), nullable=False),
    # The full sweep that saw it last: what an older one saw and this one did not is looked up.
    Column("seen", Time, nullable=False),
    Index(None, "cloud_id", "seen"),
)

volume_use = Table(
    "volume_use",
    metadata,
    reference("tenant_id", "tenant.id", primary_key=True, autoincrement=False),
    *(Column(name, BigInteger, nullable=False) for name in ("volumes", "gigabytes")),
    *(Column(name, BigInteger, nullable=False) for name in ("snapshots", "snapshot_gigabytes")),
)

capacity = Table(
    "capacity",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    *(Column(name, BigInteger, nullable=False) for name in CAPACITY),
    Column("source", String(16), nullable=False),
    Column("collected_at", Time, nullable=False),
)

provider = Table(
    "provider",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("uuid", Uuid, primary_key=True),
    Column("name", String(255), nullable=False),
    Column("root", Uuid, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("disabled", Boolean, nullable=False),
    # When its inventories were read; 0 once a server came to it or left it.
    Column("read_at", Time, nullable=False),
    flag("sharing"),
    Column("zone", String(255)),
)

inventory = Table(
    "inventory",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("provider", Uuid, primary_key=True),
    Column("resource_class", String(255), primary_key=True),
    Column("total", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False),
    Column("allocation_ratio", Float, nullable=False),
    Column("used", BigInteger, nullable=False),
)

# Running totals; ``meter`` is the name of a meters.UsageMeter. What is in the vectors, and in what
# order of bytes, is storage/usage/readings.py's affair.
reading = Table(
    "reading",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("meter", String(32), primary_key=True),
    Column("at", Time, primary_key=True, autoincrement=False),
    Column("totals", LargeBinary, nullable=False),
    Column("weights", LargeBinary, nullable=False),
    # An end of a gap: it outlives its neighbours.
    flag("kept"),
)

# What a meter source needs to know of its last reading, as JSON.
meter_cursor = Table(
    "meter_cursor",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("source", String(64), primary_key=True),
    Column("content", Text, nullable=False),
)

job = Table(
    "job",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("kind", String(32), primary_key=True),
    Column("next_at", Float, nullable=False),
    Column("leased_until", Float),
    Column("lease_token", Uuid),
    # The newest poll that succeeded, and the error of the newest one where it did not.
    Column("polled_at", Time),
    Column("error", Text),
    Column("error_at", Time),
    Column("seconds", Float),
    # What the next poll of this kind needs to know of the last one, as JSON.
    Column("cursor", Text, nullable=False, server_default=text("'{}'")),
    # What it saw disappear all at once, as storage/disappearances.py writes it; NULL for nothing.
    Column("vanished", Text),
    Index(None, "next_at"),
)

GRANTEES = ("user_id", "group_id", "subject")
"""To whom a role is granted, one of them: a user or group of Keystone's, or a portal's own."""

grant = Table(
    "grant",
    metadata,
    *identity(),
    *(Column(name, String(255), index=True) for name in GRANTEES),
    Column("role", String(16), nullable=False),
    reference("customer_id", "customer.id", index=True),
    reference("project_group_id", "project_group.id", index=True),
    reference("project_id", "project.id", index=True),
    reference("cloud_id", "cloud.id", index=True),
    Column("created_at", Time, nullable=False),
)

# Who wrote what; before and after are JSON, NULL where there was or is nothing.
audit = Table(
    "audit",
    metadata,
    *identity(),
    Column("at", Time, nullable=False, index=True),
    Column("who", String(255), nullable=False),
    Column("action", String(16), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("object", Uuid, nullable=False, index=True),
    Column("before", Text),
    Column("after", Text),
    Column("request_id", String(64), nullable=False),
)
