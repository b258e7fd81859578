"""Quotas by volume type; availability zones of resource providers, and whether disks are shared."""

import sqlalchemy as sa
from alembic import op

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.add_column('quota', sa.Column('volume_types', sa.Text(), nullable=True))
    op.add_column('cloud', sa.Column('disk_shared', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('provider', sa.Column('sharing', sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column('provider', sa.Column('zone', sa.String(length=255), nullable=True))


def downgrade() -> None:
    op.drop_column('provider', 'zone')
    op.drop_column('provider', 'sharing')
    op.drop_column('cloud', 'disk_shared')
    op.drop_column('quota', 'volume_types')
