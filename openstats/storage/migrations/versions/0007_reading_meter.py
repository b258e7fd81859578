"""Call the column of readings that holds a meter's name ``meter``."""

from alembic import op

revision = '0007'
down_revision = '0006'


# Not in a batch: a column is renamed in no time, and a table that is made anew copies all vectors.
def upgrade() -> None:
    op.alter_column('reading', 'item', new_column_name='meter')


def downgrade() -> None:
    op.alter_column('reading', 'meter', new_column_name='item')
