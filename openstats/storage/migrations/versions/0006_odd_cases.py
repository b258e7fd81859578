"""What odd cases of clouds, callers and operators need."""

import sqlalchemy as sa  # noqa: F401
from alembic import op  # noqa: F401

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    op.add_column('alert_episode', sa.Column('voices', sa.Text(), nullable=True))
    with op.batch_alter_table('receiver') as receiver:
        receiver.alter_column('received_at', existing_type=sa.BigInteger(), nullable=True)
        receiver.add_column(
            sa.Column('refused', sa.BigInteger(), server_default=sa.text('0'), nullable=False)
        )
        receiver.add_column(sa.Column('refused_at', sa.BigInteger(), nullable=True))
        receiver.add_column(sa.Column('refusal', sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("UPDATE receiver SET received_at = 0 WHERE received_at IS NULL")
    with op.batch_alter_table('receiver') as receiver:
        receiver.drop_column('refusal')
        receiver.drop_column('refused_at')
        receiver.drop_column('refused')
        receiver.alter_column('received_at', existing_type=sa.BigInteger(), nullable=False)
    op.drop_column('alert_episode', 'voices')
