"""The first tables: studies, trials, runs and their measurements.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# SQLite's integers have up to 64 bits; PostgreSQL's INTEGER has 32.
LARGE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")


def upgrade() -> None:
    create_studies()
    create_attempts()
    create_measurements()
    create_findings()


def create_studies() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("question", TEXT, nullable=False),
        sa.Column("objective", TEXT, nullable=True),
        sa.Column("space", sa.JSON(), nullable=True),
        sa.Column("seeds", sa.JSON(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("id", name="study_pkey"),
        sa.UniqueConstraint("name", name="study_name_key"),
    )
    op.create_table(
        "trial",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("study_id", sa.Integer(), nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("setting", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="trial_pkey"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="trial_study_id_fkey"),
        sa.UniqueConstraint("study_id", "digest", name="trial_study_id_digest_key"),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("trial_id", sa.Integer(), nullable=False),
        sa.Column("seed", LARGE, nullable=False),
        sa.Column("repeat", sa.Integer(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.Column("status", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=True),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("epochs", sa.Integer(), nullable=False),
        sa.Column("epochs_planned", sa.Integer(), nullable=False),
        sa.Column("selected_epoch", sa.Integer(), nullable=True),
        sa.Column("data_fingerprint", TEXT, nullable=True),
        sa.Column("reason", TEXT, nullable=True),
        sa.Column("wall_seconds", sa.Float(), nullable=True),
        sa.Column("device_seconds", sa.Float(), nullable=True),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.Column("started_at", TIMESTAMP, nullable=True),
        sa.Column("ended_at", TIMESTAMP, nullable=True),
        sa.Column("lease_attempt_id", sa.Integer(), nullable=True),
        sa.Column("lease_until", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="run_pkey"),
        sa.ForeignKeyConstraint(["trial_id"], ["trial.id"], name="run_trial_id_fkey"),
        sa.UniqueConstraint("trial_id", "seed", "repeat", name="run_trial_id_seed_repeat_key"),
        sa.CheckConstraint(
            "status IN ('queued', 'running', 'finished', 'interrupted', 'diverged', 'failed')",
            name="run_status_check",
        ),
        sa.CheckConstraint("repeat >= 0", name="run_repeat_check"),
        sa.CheckConstraint("epochs >= 0", name="run_epochs_check"),
        sa.CheckConstraint("epochs_planned >= 0", name="run_epochs_planned_check"),
    )
    op.create_index("run_status", "run", ["status"])
    op.create_index("run_name", "run", ["name"])


def create_attempts() -> None:
    op.create_table(
        "environment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", TEXT, nullable=False),
        sa.Column("hostname", TEXT, nullable=False),
        sa.Column("platform", TEXT, nullable=False),
        sa.Column("python", TEXT, nullable=False),
        sa.Column("torch", TEXT, nullable=False),
        sa.Column("nnlab", TEXT, nullable=False),
        sa.Column("packages", sa.JSON(), nullable=False),
        sa.Column("device", TEXT, nullable=False),
        sa.Column("threads", sa.Integer(), nullable=False),
        sa.Column("git_commit", TEXT, nullable=True),
        sa.Column("git_dirty", sa.Boolean(), nullable=True),
        sa.Column("git_diff", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="environment_pkey"),
        sa.UniqueConstraint("fingerprint", name="environment_fingerprint_key"),
    )
    op.create_table(
        "attempt",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("environment_id", sa.Integer(), nullable=True),
        sa.Column("hostname", TEXT, nullable=False),
        sa.Column("pid_space", TEXT, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("command", TEXT, nullable=False),
        sa.Column("first_epoch", sa.Integer(), nullable=False),
        sa.Column("outcome", TEXT, nullable=True),
        sa.Column("started_at", TIMESTAMP, nullable=False),
        sa.Column("ended_at", TIMESTAMP, nullable=True),
        sa.PrimaryKeyConstraint("id", name="attempt_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="attempt_run_id_fkey"),
        sa.ForeignKeyConstraint(
            ["environment_id"], ["environment.id"], name="attempt_environment_id_fkey"
        ),
        sa.CheckConstraint("first_epoch >= 0", name="attempt_first_epoch_check"),
    )
    op.create_index("attempt_run_id", "attempt", ["run_id"])


def create_measurements() -> None:
    op.create_table(
        "metric",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("direction", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="metric_pkey"),
        sa.UniqueConstraint("name", name="metric_name_key"),
        sa.CheckConstraint("direction IN ('min', 'max')", name="metric_direction_check"),
    )
    op.create_table(
        "point",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("metric_id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "metric_id", "epoch", name="point_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="point_run_id_fkey"),
        sa.ForeignKeyConstraint(["metric_id"], ["metric.id"], name="point_metric_id_fkey"),
        sa.CheckConstraint("epoch >= 0", name="point_epoch_check"),
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (run_id)",  # partitions are created as runs are queued
    )
    op.create_table(
        "summary",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("metric_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("last", sa.Float(), nullable=True),
        sa.Column("last_epoch", sa.Integer(), nullable=False),
        sa.Column("best", sa.Float(), nullable=True),
        sa.Column("best_epoch", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "metric_id", name="summary_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="summary_run_id_fkey"),
        sa.ForeignKeyConstraint(["metric_id"], ["metric.id"], name="summary_metric_id_fkey"),
        sa.CheckConstraint("n > 0", name="summary_n_check"),
        sqlite_with_rowid=False,
    )
    op.create_index("summary_best", "summary", ["metric_id", "best", "run_id", "best_epoch"])


def create_findings() -> None:
    op.create_table(
        "finding",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("code", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("severity", TEXT, nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("onset", sa.Integer(), nullable=True),
        sa.Column("message", TEXT, nullable=False),
        sa.Column("remedy", TEXT, nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("id", name="finding_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="finding_run_id_fkey"),
        sa.UniqueConstraint("run_id", "code", name="finding_run_id_code_key"),
        sa.CheckConstraint(
            "severity IN ('info', 'warning', 'error')", name="finding_severity_check"
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name="finding_confidence_check"),
    )
    op.create_table(
        "artifact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("size", LARGE, nullable=False),
        sa.Column("created_at", TIMESTAMP, nullable=False),
        sa.PrimaryKeyConstraint("id", name="artifact_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="artifact_run_id_fkey"),
        sa.UniqueConstraint("run_id", "kind", name="artifact_run_id_kind_key"),
        sa.CheckConstraint("size >= 0", name="artifact_size_check"),
    )
