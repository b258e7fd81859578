"""Alerts with their owners and groups, the episodes that receivers report, and their counts."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'

OWNERS = ('customer', 'project_group', 'project', 'tenant', 'cloud')
ACTIVE = ('span', 'created_at', 'until', 'severity', 'customer_id', 'project_id', 'acknowledged_at')


def upgrade() -> None:
    op.create_table('receiver',
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('received_at', sa.BigInteger(), nullable=False),
    sa.Column('notices', sa.BigInteger(), nullable=False),
    sa.Column('truncated', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_receiver'))
    )
    op.create_table('alert',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('source', sa.String(length=255), nullable=False),
    sa.Column('fingerprint', sa.String(length=255), nullable=False),
    sa.Column('severity', sa.SmallInteger(), nullable=False),
    sa.Column('alert_type', sa.String(length=255), nullable=False),
    sa.Column('message', sa.Text(), nullable=False),
    sa.Column('told', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('labels', sa.Text(), nullable=True),
    sa.Column('kind', sa.String(length=16), nullable=True),
    *(sa.Column(f'{name}_id', sa.Integer(), nullable=True) for name in OWNERS),
    sa.Column('instance', sa.String(length=36), nullable=True),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('until', sa.BigInteger(), server_default=sa.text('9007199254740992'), nullable=False),
    sa.Column('span', sa.SmallInteger(), nullable=False),
    sa.Column('seen_at', sa.BigInteger(), nullable=False),
    sa.Column('acknowledged_at', sa.BigInteger(), nullable=True),
    *(sa.ForeignKeyConstraint([f'{name}_id'], [f'{name}.id'], name=op.f(f'fk_alert_{name}_id_{name}'), ondelete='SET NULL') for name in OWNERS),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_alert')),
    sa.UniqueConstraint('uuid', name=op.f('uq_alert_uuid'))
    )
    op.create_index('ix_alert_active', 'alert', list(ACTIVE), unique=False)
    op.create_index(op.f('ix_alert_created_at_id'), 'alert', ['created_at', 'id'], unique=False)
    op.create_index(op.f('ix_alert_tenant_id'), 'alert', ['tenant_id'], unique=False)

    op.create_table('alert_episode',
    sa.Column('source', sa.String(length=255), nullable=False),
    sa.Column('fingerprint', sa.String(length=255), nullable=False),
    sa.Column('start', sa.String(length=255), nullable=False),
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.BigInteger(), nullable=False),
    sa.Column('ended_at', sa.BigInteger(), nullable=True),
    sa.Column('heard_at', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_episode_alert_id_alert'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('source', 'fingerprint', 'start', name=op.f('pk_alert_episode')),
    sqlite_with_rowid=False,
    )
    op.create_index(op.f('ix_alert_episode_alert_id'), 'alert_episode', ['alert_id'], unique=False)

    op.create_table('alert_group',
    sa.Column('alert_id', sa.Integer(), nullable=False),
    sa.Column('project_group_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['alert_id'], ['alert.id'], name=op.f('fk_alert_group_alert_id_alert'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['project_group_id'], ['project_group.id'], name=op.f('fk_alert_group_project_group_id_project_group'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('alert_id', 'project_group_id', name=op.f('pk_alert_group')),
    sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table('alert_group')
    op.drop_table('alert_episode')
    op.drop_table('alert')
    op.drop_table('receiver')
