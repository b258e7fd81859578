"""Rename the column of readings that holds the meter's name from ``item`` to ``meter``."""

from alembic import op

revision = '0007'
down_revision = '0006'


# No batch: renaming a column takes no time, but recreating the table would copy all vectors.
def upgrade() -> None:
    op.alter_column('reading', 'item', new_column_name='meter')


def downgrade() -> None:
    op.alter_column('reading', 'meter', new_column_name='item')
