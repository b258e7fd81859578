"""The first schema."""

import sqlalchemy as sa
from alembic import op

from openstats.storage.schema.types import Url

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('cloud',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('auth_url', sa.String(length=1024), nullable=False),
    sa.Column('region', sa.String(length=255), nullable=False),
    sa.Column('keystone', Url(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_cloud')),
    sa.UniqueConstraint('keystone', 'region', name=op.f('uq_cloud_keystone_region')),
    sa.UniqueConstraint('name', name=op.f('uq_cloud_name')),
    sa.UniqueConstraint('uuid', name=op.f('uq_cloud_uuid'))
    )
    op.create_table('customer',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('keystone', Url(), nullable=True),
    sa.Column('keystone_id', sa.String(length=255), nullable=True),
    sa.Column('undated', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('name_by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_customer')),
    sa.UniqueConstraint('keystone', 'keystone_id', name=op.f('uq_customer_keystone_keystone_id')),
    sa.UniqueConstraint('uuid', name=op.f('uq_customer_uuid'))
    )
    with op.batch_alter_table('customer', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_customer_created_at'), ['created_at'], unique=False)

    op.create_table('capacity',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('vcpus', sa.BigInteger(), nullable=False),
    sa.Column('vcpus_used', sa.BigInteger(), nullable=False),
    sa.Column('memory_mb', sa.BigInteger(), nullable=False),
    sa.Column('memory_mb_used', sa.BigInteger(), nullable=False),
    sa.Column('free_ram_mb', sa.BigInteger(), nullable=False),
    sa.Column('free_disk_gb', sa.BigInteger(), nullable=False),
    sa.Column('source', sa.String(length=16), nullable=False),
    sa.Column('collected_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_capacity_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', name=op.f('pk_capacity'))
    )
    op.create_table('cloud_url',
    sa.Column('cloud_id', sa.Integer(), nullable=False),
    sa.Column('url', Url(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_cloud_url_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'url', name=op.f('pk_cloud_url'))
    )
    with op.batch_alter_table('cloud_url', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_cloud_url_url'), ['url'], unique=False)

    op.create_table('inventory',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('provider', sa.String(length=36), nullable=False),
    sa.Column('resource_class', sa.String(length=255), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('reserved', sa.BigInteger(), nullable=False),
    sa.Column('allocation_ratio', sa.Float(), nullable=False),
    sa.Column('used', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_inventory_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'provider', 'resource_class', name=op.f('pk_inventory'))
    )
    op.create_table('job',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('next_at', sa.Float(), nullable=False),
    sa.Column('leased_until', sa.Float(), nullable=True),
    sa.Column('lease_token', sa.String(length=36), nullable=True),
    sa.Column('polled_at', sa.BigInteger(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('error_at', sa.BigInteger(), nullable=True),
    sa.Column('seconds', sa.Float(), nullable=True),
    sa.Column('cursor', sa.Text(), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_job_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'kind', name=op.f('pk_job'))
    )
    with op.batch_alter_table('job', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_job_next_at'), ['next_at'], unique=False)

    op.create_table('project',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('keystone', Url(), nullable=True),
    sa.Column('keystone_id', sa.String(length=255), nullable=True),
    sa.Column('undated', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('name_by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('customer_id', sa.Integer(), nullable=False),
    sa.Column('customer_by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.ForeignKeyConstraint(['customer_id'], ['customer.id'], name=op.f('fk_project_customer_id_customer'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_project')),
    sa.UniqueConstraint('keystone', 'keystone_id', name=op.f('uq_project_keystone_keystone_id')),
    sa.UniqueConstraint('uuid', name=op.f('uq_project_uuid'))
    )
    with op.batch_alter_table('project', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_project_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_project_customer_id_deleted_at'), ['customer_id', 'deleted_at'], unique=False)

    op.create_table('project_group',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=True),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('keystone', Url(), nullable=True),
    sa.Column('keystone_id', sa.String(length=255), nullable=True),
    sa.Column('undated', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('name_by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('customer_id', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['customer_id'], ['customer.id'], name=op.f('fk_project_group_customer_id_customer'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_project_group')),
    sa.UniqueConstraint('keystone', 'keystone_id', name=op.f('uq_project_group_keystone_keystone_id')),
    sa.UniqueConstraint('uuid', name=op.f('uq_project_group_uuid'))
    )
    with op.batch_alter_table('project_group', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_project_group_created_at'), ['created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_project_group_customer_id'), ['customer_id'], unique=False)

    op.create_table('provider',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('root', sa.String(length=36), nullable=False),
    sa.Column('generation', sa.BigInteger(), nullable=False),
    sa.Column('disabled', sa.Boolean(), nullable=False),
    sa.Column('read_at', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_provider_cloud_id_cloud'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'uuid', name=op.f('pk_provider'))
    )
    op.create_table('project_group_member',
    sa.Column('project_group_id', sa.Integer(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=False),
    sa.Column('by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.ForeignKeyConstraint(['project_group_id'], ['project_group.id'], name=op.f('fk_project_group_member_project_group_id_project_group'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_project_group_member_project_id_project'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_group_id', 'project_id', name=op.f('pk_project_group_member'))
    )
    with op.batch_alter_table('project_group_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_project_group_member_project_id'), ['project_id'], unique=False)

    op.create_table('tenant',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('cloud_id', sa.Integer(), nullable=False),
    sa.Column('tenant_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('enabled', sa.Boolean(), nullable=False),
    sa.Column('project_id', sa.Integer(), nullable=True),
    sa.Column('project_by_hand', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.Column('deleted_at', sa.BigInteger(), nullable=True),
    sa.Column('missed', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('first_created', sa.BigInteger(), nullable=True),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_tenant_cloud_id_cloud'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['project_id'], ['project.id'], name=op.f('fk_tenant_project_id_project'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tenant')),
    sa.UniqueConstraint('cloud_id', 'tenant_id', name=op.f('uq_tenant_cloud_id_tenant_id')),
    sa.UniqueConstraint('uuid', name=op.f('uq_tenant_uuid'))
    )
    with op.batch_alter_table('tenant', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_tenant_cloud_id_deleted_at_project_id_enabled'), ['cloud_id', 'deleted_at', 'project_id', 'enabled'], unique=False)
        batch_op.create_index(batch_op.f('ix_tenant_project_id_deleted_at_enabled_cloud_id'), ['project_id', 'deleted_at', 'enabled', 'cloud_id'], unique=False)

    op.create_table('instance',
    sa.Column('cloud_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('tenant_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('status', sa.String(length=64), nullable=False),
    sa.Column('vcpus', sa.Integer(), nullable=False),
    sa.Column('ram', sa.BigInteger(), nullable=False),
    sa.Column('disk', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    sa.Column('host', sa.String(length=255), nullable=False),
    sa.Column('seen', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['cloud_id'], ['cloud.id'], name=op.f('fk_instance_cloud_id_cloud'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_instance_tenant_id_tenant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('cloud_id', 'uuid', name=op.f('pk_instance'))
    )
    with op.batch_alter_table('instance', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_instance_cloud_id_seen'), ['cloud_id', 'seen'], unique=False)
        batch_op.create_index(batch_op.f('ix_instance_tenant_id'), ['tenant_id'], unique=False)

    op.create_table('quota',
    sa.Column('tenant_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('due_at', sa.BigInteger(), nullable=False),
    sa.Column('compute_at', sa.BigInteger(), nullable=True),
    sa.Column('volume_at', sa.BigInteger(), nullable=True),
    sa.Column('vcpu_limit', sa.BigInteger(), nullable=True),
    sa.Column('ram_limit', sa.BigInteger(), nullable=True),
    sa.Column('storage_limit', sa.BigInteger(), nullable=True),
    sa.Column('max_instances_limit', sa.BigInteger(), nullable=True),
    sa.Column('vcpu_in_use', sa.BigInteger(), nullable=True),
    sa.Column('ram_in_use', sa.BigInteger(), nullable=True),
    sa.Column('storage_in_use', sa.BigInteger(), nullable=True),
    sa.Column('max_instances_in_use', sa.BigInteger(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_quota_tenant_id_tenant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('tenant_id', name=op.f('pk_quota'))
    )
    with op.batch_alter_table('quota', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_quota_due_at'), ['due_at'], unique=False)

    op.create_table('volume_use',
    sa.Column('tenant_id', sa.Integer(), autoincrement=False, nullable=False),
    sa.Column('volumes', sa.BigInteger(), nullable=False),
    sa.Column('gigabytes', sa.BigInteger(), nullable=False),
    sa.Column('snapshots', sa.BigInteger(), nullable=False),
    sa.Column('snapshot_gigabytes', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['tenant_id'], ['tenant.id'], name=op.f('fk_volume_use_tenant_id_tenant'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('tenant_id', name=op.f('pk_volume_use'))
    )


def downgrade() -> None:
    for table in (
        'volume_use',
        'quota',
        'instance',
        'tenant',
        'project_group_member',
        'provider',
        'project_group',
        'project',
        'job',
        'inventory',
        'cloud_url',
        'capacity',
        'customer',
        'cloud',
    ):
        op.drop_table(table)
