"""Tables that describe clouds, beside ``cloud`` in ``tables``; makes a Cloud of a row."""

from dataclasses import fields
from typing import Any

from sqlalchemy import Column, Index, Integer, String, Table

from openstats.model import Cloud
from openstats.storage.schema.tables import metadata
from openstats.storage.schema.types import Url, reference

# Every URL that a request may name a cloud by: its auth_url, its aliases and those of its catalog.
# In compared form (``openstats.auth_url``).
cloud_url = Table(
    "cloud_url",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True),
    Column("url", Url(), primary_key=True),
    Index(None, "url"),
)

# Other pairs of Keystone URL and region by which entries of clouds.yaml name a cloud. In compared
# form.
cloud_alias = Table(
    "cloud_alias",
    metadata,
    Column("keystone", Url(), primary_key=True),
    Column("region", String(255), primary_key=True),
    reference("cloud_id", "cloud.id", nullable=False, index=True),
)

# The number of compute hosts by state. up: enabled and alive; down: enabled and not alive;
# disabled: disabled, alive or not.
compute_hosts = Table(
    "compute_hosts",
    metadata,
    reference("cloud_id", "cloud.id", primary_key=True, autoincrement=False),
    *(Column(name, Integer, nullable=False) for name in ("up", "down", "disabled")),
)


def cloud_of(row: Any) -> Cloud:
    """Return the cloud of a row that has all columns of the table ``cloud``."""
    return Cloud(**{field.name: getattr(row, field.name) for field in fields(Cloud)})
