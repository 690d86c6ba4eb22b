"""What is removed, asked to stop, or pruned; how a study samples; how an attempt was trained.

Revision: 0003, after 0002.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# Names sort by their bytes, as in SQLite, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# SQLite's integers are as long as they need to be.
LARGE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    # Columns that may be NULL are added in place: no table is copied.
    op.add_column("study", sa.Column("sampler", sa.JSON(), nullable=True))
    op.add_column("study", sa.Column("removed_at", MOMENT, nullable=True))
    op.add_column("run", sa.Column("removed_at", MOMENT, nullable=True))
    op.add_column("run", sa.Column("stop_requested_at", MOMENT, nullable=True))
    op.add_column("run", sa.Column("pruned_at", sa.Integer(), nullable=True))
    op.add_column("attempt", sa.Column("engine", TEXT, nullable=True))
    op.add_column("attempt", sa.Column("peak_bytes", LARGE, nullable=True))
