"""Usage: readings, slots of tenants, and former owners of tenants and projects."""

import sqlalchemy as sa
from alembic import op

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    # No batches: Alembic would recreate the table in SQLite, and dropping the old one would delete
    # the rows that refer to it.
    op.add_column('project', sa.Column('customer_since', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    op.add_column('tenant', sa.Column('project_since', sa.BigInteger(), server_default=sa.text('0'), nullable=False))
    op.add_column('tenant', sa.Column('slot', sa.Integer(), nullable=True))
    op.create_index('ix_tenant_slot', 'tenant', ['cloud_id', 'slot'], unique=True)
    _former('former_project', 'tenant', 'project')
    _former('former_customer', 'project', 'customer')
    op.create_table('reading',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('item', sa.String(length=32), nullable=False),
    sa.Column('at', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('totals', sa.LargeBinary(), nullable=False),
    sa.Column('weights', sa.LargeBinary(), nullable=False),
    sa.Column('kept', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_reading_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'item', 'at', name=op.f('pk_reading'))
    )
    if op.get_bind().dialect.name == 'postgresql':
        # Out of line and uncompressed: searches for rows do not read the vectors, and floats do not
        # compress.
        for column in ('totals', 'weights'):
            op.execute(f'ALTER TABLE reading ALTER COLUMN {column} SET STORAGE EXTERNAL')
    op.create_table('meter_cursor',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('source', sa.String(length=64), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_meter_cursor_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'source', name=op.f('pk_meter_cursor'))
    )
    # An instance's disk was in GiB; it is in MiB now. This is last, so that it is committed together
    # with the revision where changes of tables commit.
    op.execute('UPDATE instance SET disk = disk * 1024')


def _former(name: str, owned: str, owner: str) -> None:
    op.create_table(name,
    sa.Column(f'{owned}_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('since', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('until', sa.BigInteger(), nullable=False),
    sa.Column(f'{owner}_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint([f'{owned}_id'], [f'{owned}.id'], name=op.f(f'fk_{name}_{owned}_id_{owned}'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint([f'{owner}_id'], [f'{owner}.id'], name=op.f(f'fk_{name}_{owner}_id_{owner}'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint(f'{owned}_id', 'since', name=op.f(f'pk_{name}'))
    )
    op.create_index(op.f(f'ix_{name}_{owner}_id'), name, [f'{owner}_id'], unique=False)


def downgrade() -> None:
    for table in ('meter_cursor', 'reading', 'former_customer', 'former_project'):
        op.drop_table(table)
    op.drop_index('ix_tenant_slot', 'tenant')
    op.drop_column('tenant', 'slot')
    op.drop_column('tenant', 'project_since')
    op.drop_column('project', 'customer_since')
    op.execute('UPDATE instance SET disk = disk / 1024')
