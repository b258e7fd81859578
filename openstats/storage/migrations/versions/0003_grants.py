"""Grants, the audit, and projects that were removed from groups by hand."""

import sqlalchemy as sa
from alembic import op

revision = '0003'
down_revision = '0002'

GRANTEES = ('user_id', 'group_id', 'subject')
HELD = ('project_group', 'project')
SCOPES = ('customer', 'project_group', 'project', 'cloud')


def upgrade() -> None:
    op.create_table('grant',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    *(sa.Column(name, sa.String(length=255), nullable=True) for name in GRANTEES),
    sa.Column('role', sa.String(length=16), nullable=False),
    *(sa.Column(f'{name}_id', sa.Integer(), nullable=True) for name in SCOPES),
    sa.Column('created_at', sa.BigInteger(), nullable=False),
    *(sa.ForeignKeyConstraint([f'{name}_id'], [f'{name}.id'], name=op.f(f'fk_grant_{name}_id_{name}'), ondelete='CASCADE') for name in SCOPES),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_grant')),
    sa.UniqueConstraint('uuid', name=op.f('uq_grant_uuid'))
    )
    for name in (*GRANTEES, *(f'{scope}_id' for scope in SCOPES)):
        op.create_index(op.f(f'ix_grant_{name}'), 'grant', [name], unique=False)
    op.create_table('audit',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('uuid', sa.String(length=36), nullable=False),
    sa.Column('at', sa.BigInteger(), nullable=False),
    sa.Column('who', sa.String(length=255), nullable=False),
    sa.Column('action', sa.String(length=16), nullable=False),
    sa.Column('kind', sa.String(length=32), nullable=False),
    sa.Column('object', sa.String(length=36), nullable=False),
    sa.Column('before', sa.Text(), nullable=True),
    sa.Column('after', sa.Text(), nullable=True),
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_audit')),
    sa.UniqueConstraint('uuid', name=op.f('uq_audit_uuid'))
    )
    op.create_index(op.f('ix_audit_at'), 'audit', ['at'], unique=False)
    op.create_index(op.f('ix_audit_object'), 'audit', ['object'], unique=False)


    op.create_table('project_group_left',
    *(sa.Column(f'{name}_id', sa.Integer(), nullable=False) for name in HELD),
    *(sa.ForeignKeyConstraint([f'{name}_id'], [f'{name}.id'], name=op.f(f'fk_project_group_left_{name}_id_{name}'), ondelete='CASCADE') for name in HELD),
    sa.PrimaryKeyConstraint('project_group_id', 'project_id', name=op.f('pk_project_group_left'))
    )


def downgrade() -> None:
    op.drop_table('project_group_left')
    op.drop_table('audit')
    op.drop_table('grant')
