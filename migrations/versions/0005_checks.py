"""The checksum of the points of an ended run, and the traceback of a failed attempt.

Revision: 0005, after 0004.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.add_column("run", sa.Column("points_checksum", TEXT, nullable=True))
    op.add_column("attempt", sa.Column("traceback", TEXT, nullable=True))
