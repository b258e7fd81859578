"""The tables. Times are Unix seconds; uuids are dashed, lower case; names are those of clouds."""

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
from openstats.storage.schema.types import Time, Url, Uuid, flag, identity, reference, since

HEAD = "0007"
"""The schema revision that this code works with: the newest in ``migrations/versions``."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Columns and tables whose names differ from the code's:
#
#   tenant.keystone_id           "tenant_id": the id that Keystone gave to the project
#   tenant.project_id            the registry's project that the tenant is linked to: project.id
#   customer.keystone_id, …      the key that an object has in its Keystone (Origin.key)
#   project_group_left           "excluded": projects that were removed from a group by hand
#   job.cursor: swept_at         the time of the last full sync (a key of the JSON; 0: one is due)

cloud = Table(
    "cloud",
    metadata,
    *identity(),
    Column("name", String(255), nullable=False, unique=True),
    Column("auth_url", String(1024), nullable=False),
    Column("region", String(255), nullable=False),
    # The compared form of auth_url. The ids that a Keystone gives are unique for one such URL.
    Column("keystone", Url(), nullable=False),
    # Whether clouds.yaml says that all hypervisors report the same shared disk.
    flag("disk_shared"),
    # ``identity``: the "marks" of the Keystone; ``left_aside``: unused entries of clouds.yaml, by
    # host. Both are JSON of storage/registry/keystones.py.
    Column("identity", Text),
    Column("left_aside", Text),
    UniqueConstraint("keystone", "region"),
)


def _object(name: str, *columns: SchemaItem) -> Table:
    """Return a table of customers, project groups or projects, with additional columns.

    ``undated``: the object has no creation date of its own; the first servers and volumes determine
    it. ``vanished``: discovery deleted the object because its clouds no longer have it.
    """
    dates = Column("created_at", Time), Column("deleted_at", Time)
    origin = Column("keystone", Url()), Column("keystone_id", String(255))
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
    # A covering index: sums by customer read no row of this table.
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

# Projects that somebody removed from a group by hand: discovery does not add them again.
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
    # In all other tables, tenant_id is tenant.id.
    Column("tenant_id", String(64), key="keystone_id", nullable=False),
    Column("name", String(255), nullable=False),
    Column("enabled", Boolean, nullable=False),
    reference("project_id", "project.id", ondelete="SET NULL"),
    since("project_since"),
    flag("project_by_hand"),
    Column("deleted_at", Time),
    # The number of consecutive complete discoveries that did not list the tenant.
    Column("missed", Integer, nullable=False, server_default=text("0")),
    # The creation time of its earliest server or volume, as the first full syncs found it.
    Column("first_created", Time),
    # Its index in the vectors of its cloud's readings; NULL before its first reading.
    Column("slot", Integer),
    UniqueConstraint("cloud_id", "keystone_id"),
    Index(None, "project_id", "deleted_at", "enabled", "cloud_id"),
    Index(None, "cloud_id", "deleted_at", "project_id", "enabled"),
    Index("ix_tenant_slot", "cloud_id", "slot", unique=True),
)


def _former(name: str, owned: str, owner: str) -> Table:
    """Return a table of former owners of rows; the present owners are in the table ``owned``."""
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

# A limit of -1 means unlimited; a limit or use of NULL is not known yet.
quota = Table(
    "quota",
    metadata,
    reference("tenant_id", "tenant.id", primary_key=True, autoincrement=False),
    Column("due_at", Time, nullable=False),
    *(Column(f"{service}_at", Time) for service in SERVICES),
    *(Column(f"{name}_limit", BigInteger) for name in QUOTA_NAMES),
    *(Column(f"{name}_in_use", BigInteger) for name in QUOTA_NAMES),
    Column("error", Text),
    # Encoded by storage/quota/volume_types.py. It is the last column, so that sums do not read it.
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
    # The part of ``disk`` that is not on the hypervisor if the root device is a volume.
    Column("root", BigInteger, nullable=False, server_default=text("0")),
    Column("root_device", String(64), nullable=False, server_default=text("''")),
    Column("created_at", Time, nullable=False),
    Column("host", String(255), nullable=False),
    # The last full sync that listed the server; servers that the newest one lacks are looked up.
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
    # When its inventories were read; 0 after a server arrived or left, so that they are read again.
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

# Running totals; ``meter`` is the name of a meters.UsageMeter. storage/usage/readings.py defines
# the content and the byte order of the vectors.
reading = Table(
    "reading",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    Column("meter", String(32), primary_key=True),
    Column("at", Time, primary_key=True, autoincrement=False),
    Column("totals", LargeBinary, nullable=False),
    Column("weights", LargeBinary, nullable=False),
    # Whether the reading is at an edge of a gap: thinning does not delete it.
    flag("kept"),
)

# The state of a meter source between readings, as JSON.
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
    # The newest poll that succeeded; and the error of the newest poll, if it had one.
    Column("polled_at", Time),
    Column("error", Text),
    Column("error_at", Time),
    Column("seconds", Float),
    # State that a poll leaves for the next poll of this kind, as JSON.
    Column("cursor", Text, nullable=False, server_default=text("'{}'")),
    # Mass disappearances that the poll saw, as storage/disappearances.py writes them; NULL for
    # none.
    Column("vanished", Text),
    Index(None, "next_at"),
)

GRANTEES = ("user_id", "group_id", "subject")
"""The columns that name a grantee; exactly one is set. ``user_id`` and ``group_id`` are Keystone's
ids, ``subject`` is a portal's name for a user."""

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

# Changes of the registry. ``before`` and ``after`` are JSON; NULL if the object did not exist.
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
