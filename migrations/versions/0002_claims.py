"""What a study claims, the arms that it compares, and the comparisons that decide.

Revision: 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Columns that may be NULL are added in place: no table is copied.
    op.add_column("study", sa.Column("claim", sa.Text(), nullable=True))
    op.add_column("study", sa.Column("arms", sa.JSON(), nullable=True))
    op.add_column("study", sa.Column("decides", sa.JSON(), nullable=True))
