"""A second factor with recovery codes, the units of an account, and whether it was welcomed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns and the table."""
    op.add_column("accounts", sa.Column("units", sa.String(10)))
    op.add_column("accounts", sa.Column("otp_secret", sa.String(255)))
    op.add_column("accounts", sa.Column("otp_step", sa.Integer()))
    op.add_column("accounts", sa.Column("welcomed_at", sa.DateTime()))
    op.create_table(
        "recovery_codes",
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("code_sha256", sa.String(64), primary_key=True),
    )
