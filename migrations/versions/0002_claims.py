"""Claim, arms and comparisons of a study; the run whose weights a run started from.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # Nullable columns are added in place, without copying the table.
    op.add_column("study", sa.Column("claim", TEXT, nullable=True))
    op.add_column("study", sa.Column("arms", sa.JSON(), nullable=True))
    op.add_column("study", sa.Column("decides", sa.JSON(), nullable=True))
    op.add_column("run", sa.Column("parent_id", sa.Integer(), nullable=True))
