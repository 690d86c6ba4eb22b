"""What a study claims, its arms, the comparisons that decide; the run that a run began from.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Names sort by their bytes, as in SQLite, whatever the server's language.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    # Columns that may be NULL are added in place: no table is copied.
    op.add_column("study", sa.Column("claim", TEXT, nullable=True))
    op.add_column("study", sa.Column("arms", sa.JSON(), nullable=True))
    op.add_column("study", sa.Column("decides", sa.JSON(), nullable=True))
    op.add_column("run", sa.Column("parent_id", sa.Integer(), nullable=True))
