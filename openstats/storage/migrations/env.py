"""Alembic's door: runs the migrations on the connection that ``migration`` hands over."""

from alembic import context

from openstats.storage.schema import alerts, clouds, instances  # noqa: F401 (it has tables, too)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=alerts.metadata,
    # SQLite cannot alter tables: Alembic copies them instead.
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
