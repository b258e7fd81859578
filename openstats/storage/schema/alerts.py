"""The tables of alerts; all others are in ``tables``."""

from bisect import bisect_left

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table, Text, text

from openstats.storage.schema import tables
from openstats.storage.schema.types import FOREVER, Time, Uuid, flag, identity, reference
from openstats.unix_time import DAY, HOUR

metadata = tables.metadata

SPANS = (HOUR, DAY, 7 * DAY, 31 * DAY, FOREVER)
"""Alerts are divided by how long they were open, at most: so those that were active at some time
are found by when they began, however many are long over. The last division are those still open."""


def span(created_at: int, until: int) -> int:
    """Return the index in SPANS of an alert that was open between two times."""
    return bisect_left(SPANS, until - created_at) if until < FOREVER else len(SPANS) - 1


OWNERS = ("customer", "project_group", "project", "tenant", "cloud")
"""What an alert may be on, or below, beside instances, which come and go."""

# Whose it was when it was created, whatever moved since: one column for each owner.
alert = Table(
    "alert",
    metadata,
    *identity(),
    Column("source", String(255), nullable=False),
    # Which alert of its source it is; of a fingerprint there is one at most that is open. Found
    # among those that are open, or by its episodes: each further index costs who receives many.
    Column("fingerprint", String(255), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("alert_type", String(255), nullable=False),
    Column("message", Text, nullable=False),
    # Whether the message is for everybody who sees the alert, not for admins alone.
    flag("told"),
    Column("labels", Text),
    Column("kind", String(16)),
    *(reference(f"{name}_id", f"{name}.id", ondelete="SET NULL") for name in OWNERS),
    Column("instance", Uuid),
    Column("created_at", Time, nullable=False),
    Column("until", Time, nullable=False, server_default=text(str(FOREVER))),
    Column("span", SmallInteger, nullable=False),
    Column("seen_at", Time, nullable=False),
    Column("acknowledged_at", Time),
    Index(None, "created_at", "id"),
    # Without it, each tenant that goes with its cloud would have all alerts looked at.
    Index(None, "tenant_id"),
    # Covering: counting reads no row of this table.
    Index(
        "ix_alert_active",
        "span",
        "created_at",
        "until",
        "severity",
        "customer_id",
        "project_id",
        "acknowledged_at",
    ),
)

STILL_OPEN = alert.c.span == len(SPANS) - 1, alert.c.until == FOREVER
"""Conditions; the first one is what the index goes by."""

# The groups that what it is of was in.
alert_group = Table(
    "alert_group",
    metadata,
    reference("alert_id", "alert.id", primary_key=True),
    reference("project_group_id", "project_group.id", primary_key=True),
    sqlite_with_rowid=False,
)

alert_episode = Table(
    "alert_episode",
    metadata,
    Column("source", String(255), primary_key=True),
    Column("fingerprint", String(255), primary_key=True),
    Column("start", String(255), primary_key=True),
    reference("alert_id", "alert.id", nullable=False, index=True),
    Column("started_at", Time, nullable=False),
    Column("ended_at", Time),
    Column("heard_at", Time),
    # Which of several independent senders say that it fires, as JSON.
    Column("voices", Text),
    sqlite_with_rowid=False,
)

# What came in at a receiver so far, and what was refused; the empty name is for unknown receivers.
receiver = Table(
    "receiver",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("received_at", Time),
    Column("notices", BigInteger, nullable=False),
    Column("truncated", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False, server_default=text("0")),
    Column("refused_at", Time),
    Column("refusal", Text),
)
