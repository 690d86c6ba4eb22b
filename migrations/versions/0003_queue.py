"""Removal, stop requests and pruning; the sampler of a study; the engine of an attempt.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# SQLite's integers have up to 64 bits; PostgreSQL's INTEGER has 32.
LARGE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    # Nullable columns are added in place, without copying the table.
    op.add_column("study", sa.Column("sampler", sa.JSON(), nullable=True))
    op.add_column("study", sa.Column("removed_at", TIMESTAMP, nullable=True))
    op.add_column("run", sa.Column("removed_at", TIMESTAMP, nullable=True))
    op.add_column("run", sa.Column("stop_requested_at", TIMESTAMP, nullable=True))
    op.add_column("run", sa.Column("pruned_at", sa.Integer(), nullable=True))
    op.add_column("attempt", sa.Column("engine", TEXT, nullable=True))
    op.add_column("attempt", sa.Column("peak_bytes", LARGE, nullable=True))
