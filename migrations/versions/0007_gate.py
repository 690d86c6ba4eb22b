"""The ledger of `nnlab gate`: the candidates that were tested against a baseline.

Revision: 0007, after 0006.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    op.create_table(
        "gate",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("baseline_trial_id", sa.Integer(), nullable=True),
        sa.Column("candidate_trial_id", sa.Integer(), nullable=False),
        sa.Column("objective", TEXT, nullable=False),
        sa.Column("min_effect", sa.Float(), nullable=False),
        sa.Column("max_seeds", sa.Integer(), nullable=False),
        sa.Column("level", sa.Float(), nullable=True),
        sa.Column("p", sa.Float(), nullable=True),
        sa.Column("verdict", TEXT, nullable=True),
        sa.Column("effect", sa.Float(), nullable=True),
        sa.Column("low", sa.Float(), nullable=True),
        sa.Column("high", sa.Float(), nullable=True),
        sa.Column("seeds", sa.JSON(), nullable=False),
        sa.Column("expected_left", sa.Float(), nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("ended_at", TIMESTAMP, nullable=True),
        sa.Column("removed_at", TIMESTAMP, nullable=True),
        sa.PrimaryKeyConstraint("id", name="gate_pkey"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="gate_study_id_fkey"),
        sa.ForeignKeyConstraint(
            ["baseline_trial_id"], ["trial.id"], name="gate_baseline_trial_id_fkey"
        ),
        sa.ForeignKeyConstraint(
            ["candidate_trial_id"], ["trial.id"], name="gate_candidate_trial_id_fkey"
        ),
        sa.CheckConstraint(
            "verdict IN ('baseline', 'keep', 'discard', 'not yet')", name="gate_verdict_check"
        ),
        sa.CheckConstraint("max_seeds > 0", name="gate_max_seeds_check"),
        sa.CheckConstraint("p BETWEEN 0 AND 1", name="gate_p_check"),
    )
    op.create_index("gate_study_id", "gate", ["study_id"])
