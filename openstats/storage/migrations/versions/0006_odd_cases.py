"""Merged clouds, mass disappearances, compute hosts, root disks, ended servers, and more.

It also deletes stored figures that are too large to be summed.
"""

import sqlalchemy as sa
from alembic import op

from openstats.storage.schema.types import Url

revision = '0006'
down_revision = '0005'

OBJECTS = "customer", "project_group", "project"
LARGEST = 2**46
LARGEST_RATIO = 1e6
QUOTAS = {"vcpu": "compute", "ram": "compute", "max_instances": "compute", "storage": "volume"}


def upgrade() -> None:
    op.add_column('job', sa.Column('vanished', sa.Text(), nullable=True))
    op.add_column('cloud', sa.Column('identity', sa.Text(), nullable=True))
    op.add_column('cloud', sa.Column('left_aside', sa.Text(), nullable=True))
    op.create_table(
        'cloud_alias',
        sa.Column('keystone', Url(), nullable=False),
        sa.Column('region', sa.String(length=255), nullable=False),
        sa.Column('cloud_id', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ['cloud_id'],
            ['cloud.id'],
            name=op.f('fk_cloud_alias_cloud_id_cloud'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('keystone', 'region', name=op.f('pk_cloud_alias')),
    )
    op.create_index(op.f('ix_cloud_alias_cloud_id'), 'cloud_alias', ['cloud_id'])
    op.create_table(
        'compute_hosts',
        sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ('up', 'down', 'disabled')),
        sa.ForeignKeyConstraint(
            ['cloud_id'],
            ['cloud.id'],
            name=op.f('fk_compute_hosts_cloud_id_cloud'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('cloud_id', name=op.f('pk_compute_hosts')),
    )
    op.add_column('alert_episode', sa.Column('voices', sa.Text(), nullable=True))
    with op.batch_alter_table('receiver') as receiver:
        receiver.alter_column('received_at', existing_type=sa.BigInteger(), nullable=True)
        receiver.add_column(
            sa.Column('refused', sa.BigInteger(), server_default=sa.text('0'), nullable=False)
        )
        receiver.add_column(sa.Column('refused_at', sa.BigInteger(), nullable=True))
        receiver.add_column(sa.Column('refusal', sa.Text(), nullable=True))
    for table in OBJECTS:
        op.add_column(
            table,
            sa.Column('vanished', sa.Boolean(), server_default=sa.false(), nullable=False),
        )
    _make_ended_instances()
    _tell_roots()
    _forget_figures_that_cannot_be()


def _tell_roots() -> None:
    """Add the location of root disks, and force a full sync of servers and volumes to fill it."""
    with op.batch_alter_table('instance') as instance:
        instance.add_column(
            sa.Column('root', sa.BigInteger(), server_default=sa.text('0'), nullable=False)
        )
        instance.add_column(
            sa.Column(
                'root_device', sa.String(length=64), server_default=sa.text("''"), nullable=False
            )
        )
    op.create_table(
        'first_volume',
        sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('server', sa.String(length=36), nullable=False),
        sa.Column('device', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ['cloud_id'],
            ['cloud.id'],
            name=op.f('fk_first_volume_cloud_id_cloud'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('cloud_id', 'server', 'device', name=op.f('pk_first_volume')),
    )
    job = sa.table("job", sa.column("kind"), sa.column("cursor"))
    is_full_sync = job.c.kind.in_(["instances", "volumes"])
    op.execute(sa.update(job).where(is_full_sync).values(cursor="{}"))


def _make_ended_instances() -> None:
    op.create_table(
        'ended_instance',
        sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('uuid', sa.String(length=36), nullable=False),
        sa.Column('tenant_id', sa.Integer(), nullable=False),
        sa.Column('vcpus', sa.Integer(), nullable=False),
        sa.Column('ram', sa.BigInteger(), nullable=False),
        sa.Column('disk', sa.BigInteger(), nullable=False),
        sa.Column('created_at', sa.BigInteger(), nullable=False),
        sa.Column('ended_at', sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ['cloud_id'],
            ['cloud.id'],
            name=op.f('fk_ended_instance_cloud_id_cloud'),
            ondelete='CASCADE',
        ),
        sa.ForeignKeyConstraint(
            ['tenant_id'],
            ['tenant.id'],
            name=op.f('fk_ended_instance_tenant_id_tenant'),
            ondelete='CASCADE',
        ),
        sa.PrimaryKeyConstraint('cloud_id', 'uuid', name=op.f('pk_ended_instance')),
    )
    for columns in (['tenant_id'], ['cloud_id', 'ended_at']):
        name = op.f(f"ix_ended_instance_{'_'.join(columns)}")
        op.create_index(name, 'ended_instance', columns)


def _forget_figures_that_cannot_be() -> None:
    """Delete figures that are too large to be summed, and make them due to be read again."""
    for name, service in QUOTAS.items():
        figures = f"{name}_limit", f"{name}_in_use"
        quota = sa.table("quota", *map(sa.column, (*figures, f"{service}_at", "due_at")))
        is_beyond = sa.or_(*(_beyond(quota.c[figure]) for figure in figures))
        nothing = dict.fromkeys((*figures, f"{service}_at")) | {"due_at": 0}
        op.execute(sa.update(quota).where(is_beyond).values(nothing))
    amounts = "total", "reserved", "used"
    keys = "cloud_id", "provider", "allocation_ratio"
    inventory = sa.table("inventory", *map(sa.column, (*keys, *amounts)))
    provider = sa.table("provider", *map(sa.column, ("cloud_id", "uuid", "read_at")))
    ratio = ~inventory.c.allocation_ratio.between(0, LARGEST_RATIO)
    is_beyond = sa.or_(ratio, *(_beyond(inventory.c[amount]) for amount in amounts))
    of_provider = (inventory.c.cloud_id == provider.c.cloud_id) & (
        inventory.c.provider == provider.c.uuid
    )
    is_spoiled = sa.exists().where(of_provider, is_beyond)
    op.execute(sa.update(provider).where(is_spoiled).values(read_at=0))
    op.execute(sa.delete(inventory).where(is_beyond))


def _beyond(figure: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
    return sa.or_(figure > LARGEST, figure < -LARGEST)


def downgrade() -> None:
    op.drop_table('first_volume')
    op.drop_table('ended_instance')
    with op.batch_alter_table('instance') as instance:
        instance.drop_column('root_device')
        instance.drop_column('root')
    op.drop_table('compute_hosts')
    op.drop_table('cloud_alias')
    op.drop_column('cloud', 'left_aside')
    op.drop_column('cloud', 'identity')
    for table in OBJECTS:
        rows = sa.table(table, sa.column("deleted_at"), sa.column("vanished"))
        op.execute(sa.update(rows).where(rows.c.vanished).values(deleted_at=None))
        # No batch: Alembic would recreate the table in SQLite, and dropping the old one would
        # delete the rows that refer to it.
        op.drop_column(table, 'vanished')
    op.execute("UPDATE receiver SET received_at = 0 WHERE received_at IS NULL")
    with op.batch_alter_table('receiver') as receiver:
        receiver.drop_column('refusal')
        receiver.drop_column('refused_at')
        receiver.drop_column('refused')
        receiver.alter_column('received_at', existing_type=sa.BigInteger(), nullable=False)
    op.drop_column('alert_episode', 'voices')
    op.drop_column('job', 'vanished')
