"""Rename the column of readings that holds the meter's name from ``item`` to ``meter``."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    _rename('item', 'meter')


def downgrade() -> None:
    _rename('meter', 'item')


def _rename(name: str, new_name: str) -> None:
    # No batch: renaming a column takes no time, but recreating the table would copy all vectors.
    # MariaDB needs the type.
    op.alter_column(
        'reading',
        name,
        new_column_name=new_name,
        existing_type=sa.String(length=32),
        existing_nullable=False,
    )
