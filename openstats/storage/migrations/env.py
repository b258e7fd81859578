"""Alembic's entry point: runs the migrations on the connection that ``migration`` passes."""

from alembic import context

from openstats.storage.schema import alerts, clouds, instances  # noqa: F401 (imported for their tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=alerts.metadata,
    # SQLite cannot alter a table in place: Alembic creates a copy and drops the old table.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
