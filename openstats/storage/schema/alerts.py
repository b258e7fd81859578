"""The tables of alerts. All other tables are in ``tables``, ``clouds`` and ``instances``."""

from bisect import bisect_left

from sqlalchemy import BigInteger, Column, Index, SmallInteger, String, Table, Text, text

from openstats.storage.schema import tables
from openstats.storage.schema.types import FOREVER, Time, Uuid, flag, identity, reference
from openstats.unix_time import DAY, HOUR

metadata = tables.metadata

# If a column has a ``key``, that is its name in the code; the first name is that in the database.
# The code names these columns as the database does:
#
#   alert.kind, alert.instance   Subject: what the alert is on
#   alert.until                  closed_at in entries; FOREVER while the alert is open
#   alert_episode.start          the key of a part: Episode.start for the first part of an episode

SPANS = (HOUR, DAY, 7 * DAY, 31 * DAY, FOREVER)
"""Alerts are divided by how long they were open: entry i is the longest duration in division i, in
seconds. A search for the alerts that were active at some time then needs only a range of created_at
in each division, however many alerts were closed long ago. The last division holds the alerts that
are still open."""


def span(created_at: int, until: int) -> int:
    """Return the index in SPANS for an alert that was open from ``created_at`` until ``until``."""
    return bisect_left(SPANS, until - created_at) if until < FOREVER else len(SPANS) - 1


OWNERS = ("customer", "project_group", "project", "tenant", "cloud")
"""What an alert can be on or below. Instances are not among them: they come and go, and an alert
keeps their uuid in a column of its own."""

# The owners are those of the time when the alert was created. Later moves do not change them,
# except that the first owner of a tenant takes over its earlier alerts.
alert = Table(
    "alert",
    metadata,
    *identity(),
    Column("source", String(255), nullable=False),
    # Identifies an alert within its source: at most one alert with a fingerprint is open. It has no
    # index of its own, because each index slows down the intake of alerts: queries search the open
    # alerts, or go through the episodes.
    Column("fingerprint", String(255), nullable=False),
    Column("severity", SmallInteger, nullable=False),
    Column("alert_type", String(255), nullable=False),
    Column("message", Text, nullable=False),
    # Whether everybody who sees the alert may read its message. If false, only admins may.
    flag("told", key="message_visible"),
    Column("labels", Text),
    Column("kind", String(16)),
    *(reference(f"{name}_id", f"{name}.id", ondelete="SET NULL") for name in OWNERS),
    Column("instance", Uuid),
    Column("created_at", Time, nullable=False),
    Column("until", Time, nullable=False, server_default=text(str(FOREVER))),
    Column("span", SmallInteger, nullable=False),
    # When the alert was last reported, by a receiver, a rule or a caller.
    Column("seen_at", Time, key="reported_at", nullable=False),
    Column("acknowledged_at", Time),
    Index(None, "created_at", "id"),
    # Without this index, deleting a cloud would scan all alerts once for each of its tenants.
    Index(None, "tenant_id"),
    # A covering index: counting alerts reads no row of this table.
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
"""The conditions that an alert is open. They say the same; the index is searched by the first
one."""

# The project groups that the subject of an alert was in when the alert was created.
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
    # None if it ended without a notification.
    Column("heard_at", Time, key="reported_at"),
    # The independent senders that report the episode as firing: a JSON list.
    Column("voices", Text, key="senders"),
    sqlite_with_rowid=False,
)

# What each receiver accepted and refused so far. The empty name counts refused requests to unknown
# receivers.
receiver = Table(
    "receiver",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("received_at", Time),
    Column("notices", BigInteger, key="notifications", nullable=False),
    Column("truncated", BigInteger, nullable=False),
    Column("refused", BigInteger, nullable=False, server_default=text("0")),
    Column("refused_at", Time),
    Column("refusal", Text),
)
