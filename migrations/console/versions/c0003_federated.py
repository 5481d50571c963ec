"""Accounts that an identity provider keeps."""

import sqlalchemy as sa
from alembic import op

revision = "c0003"
down_revision = "c0002"


def upgrade() -> None:
    """Add whom an account is at the provider; all accounts so far sign in here."""
    op.add_column("account", sa.Column("federated", sa.String(600), nullable=True))
    op.create_index("ix_account_federated", "account", ["federated"], unique=True)
