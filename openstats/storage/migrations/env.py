"""Alembic's entry point: runs the migrations on the connection that ``migration`` passes."""

from alembic import context

from openstats.storage import dialects
from openstats.storage.schema import alerts, clouds, instances  # noqa: F401 (imported for their tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=alerts.metadata,
    # SQLite cannot alter a table in place: Alembic creates a copy and drops the old table.
    render_as_batch=True,
    compare_type=True,
    include_name=lambda name, kind, _parents: kind != "table" or name != dialects.LOCKS.name,
)
with context.begin_transaction():
    context.run_migrations()
