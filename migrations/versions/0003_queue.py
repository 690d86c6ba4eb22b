"""What is removed, asked to stop, or pruned; how a study samples; how an attempt was trained.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    # Columns that may be NULL are added in place: no table is copied.
    op.add_column("study", sa.Column("sampler", sa.JSON(), nullable=True))
    op.add_column("study", sa.Column("removed_at", MOMENT, nullable=True))
    op.add_column("run", sa.Column("removed_at", MOMENT, nullable=True))
    op.add_column("run", sa.Column("stop_requested_at", MOMENT, nullable=True))
    op.add_column("run", sa.Column("pruned_at", sa.Integer(), nullable=True))
    op.add_column("attempt", sa.Column("engine", sa.Text(), nullable=True))
    op.add_column("attempt", sa.Column("peak_bytes", sa.Integer(), nullable=True))
