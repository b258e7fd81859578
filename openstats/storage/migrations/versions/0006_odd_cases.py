"""What odd cases of clouds, callers and operators need."""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'

LARGEST = 2**46
LARGEST_RATIO = 1000000
QUOTAS = {"vcpu": "compute", "ram": "compute", "max_instances": "compute", "storage": "volume"}


def upgrade() -> None:
    op.add_column('alert_episode', sa.Column('voices', sa.Text(), nullable=True))
    with op.batch_alter_table('receiver') as receiver:
        receiver.alter_column('received_at', existing_type=sa.BigInteger(), nullable=True)
        receiver.add_column(
            sa.Column('refused', sa.BigInteger(), server_default=sa.text('0'), nullable=False)
        )
        receiver.add_column(sa.Column('refused_at', sa.BigInteger(), nullable=True))
        receiver.add_column(sa.Column('refusal', sa.Text(), nullable=True))
    _forget_figures_that_cannot_be()


def _forget_figures_that_cannot_be() -> None:
    """Let go of what clouds said that cannot be added up, and have it read again."""
    for name, service in QUOTAS.items():
        odd = f"abs({name}_limit / 2) >= {LARGEST // 2} OR abs({name}_in_use / 2) >= {LARGEST // 2}"
        nothing = f"{name}_limit = NULL, {name}_in_use = NULL, {service}_at = NULL, due_at = 0"
        op.execute(f"UPDATE quota SET {nothing} WHERE {odd}")
    amounts = " OR ".join(f"{name} > {LARGEST}" for name in ("total", "reserved", "used"))
    ratio = f"allocation_ratio > {LARGEST_RATIO} OR allocation_ratio < 0"
    odd = f"{amounts} OR {ratio}"
    op.execute(
        "UPDATE provider SET read_at = 0 WHERE EXISTS (SELECT 1 FROM inventory WHERE "
        f"inventory.cloud_id = provider.cloud_id AND provider = provider.uuid AND ({odd}))"
    )
    op.execute(f"DELETE FROM inventory WHERE {odd}")


def downgrade() -> None:
    op.execute("UPDATE receiver SET received_at = 0 WHERE received_at IS NULL")
    with op.batch_alter_table('receiver') as receiver:
        receiver.drop_column('refusal')
        receiver.drop_column('refused_at')
        receiver.drop_column('refused')
        receiver.alter_column('received_at', existing_type=sa.BigInteger(), nullable=False)
    op.drop_column('alert_episode', 'voices')
