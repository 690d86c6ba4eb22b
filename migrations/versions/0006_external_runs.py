"""Runs of other programs: raw samples, sources, origins, unknown seeds and scripts.

Revision: 0006, after 0005.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
# SQLite's integers have up to 64 bits; PostgreSQL's INTEGER has 32.
LARGE = sa.Integer().with_variant(sa.BigInteger(), "postgresql")
TIMESTAMP = sa.DateTime(timezone=True).with_variant(sa.String(32), "sqlite")

# Columns that hold an epoch; in a run of another program they may hold a step, which may be large.
EPOCH_COLUMNS = {
    "point": ("epoch",),
    "summary": ("last_epoch", "best_epoch"),
    "run": ("epochs", "epochs_planned", "selected_epoch", "pruned_at"),
    "attempt": ("first_epoch",),
    "finding": ("onset",),
}

UPDATE_ORIGINS = {
    "sqlite": "UPDATE run SET origin = 'task' WHERE trial_id IN"
    " (SELECT id FROM trial WHERE coalesce(setting ->> '$.task', '') <> '')",
    "postgresql": "UPDATE run SET origin = 'task' WHERE trial_id IN"
    " (SELECT id FROM trial WHERE coalesce(setting ->> 'task', '') <> '')",
}


def upgrade() -> None:
    op.add_column("study", sa.Column("script", sa.JSON(), nullable=True))
    op.add_column("trial", sa.Column("nested_setting", sa.JSON(), nullable=True))
    op.add_column("metric", sa.Column("user_direction", TEXT, nullable=True))
    add_run_columns()
    create_samples()
    create_sources()
    if op.get_bind().dialect.name == "postgresql":
        for table, columns in EPOCH_COLUMNS.items():
            for column in columns:
                op.alter_column(table, column, type_=sa.BigInteger())


def add_run_columns() -> None:
    # Given explicitly, because a reflected table has no CHECK constraints in SQLite.
    with op.batch_alter_table("run", copy_from=_run_of_revision_0005()) as batch:
        batch.alter_column("seed", existing_type=LARGE, nullable=True)
        batch.add_column(sa.Column("origin", TEXT, nullable=False, server_default="builtin"))
        batch.add_column(sa.Column("axis", TEXT, nullable=False, server_default="epoch"))
        batch.add_column(sa.Column("results", sa.JSON(), nullable=True))
        batch.create_check_constraint(
            "run_origin_check",
            "origin IN ('builtin', 'task', 'script', 'recorded', 'imported')",
        )
        batch.create_check_constraint("run_axis_check", "axis IN ('epoch', 'step')")
    op.execute(UPDATE_ORIGINS[op.get_bind().dialect.name])


def _run_of_revision_0005() -> sa.Table:
    return sa.Table(
        "run",
        sa.MetaData(),
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
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("removed_at", TIMESTAMP, nullable=True),
        sa.Column("stop_requested_at", TIMESTAMP, nullable=True),
        sa.Column("pruned_at", sa.Integer(), nullable=True),
        sa.Column("artifacts", TEXT, nullable=True),
        sa.Column("points_checksum", TEXT, nullable=True),
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
        sa.Index("run_status", "status"),
        sa.Index("run_name", "name"),
    )


def create_samples() -> None:
    op.create_table(
        "sample",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("metric_id", sa.Integer(), nullable=False),
        sa.Column("seq", LARGE, nullable=False),
        sa.Column("step", LARGE, nullable=True),
        sa.Column("epoch", sa.Float(), nullable=True),
        sa.Column("time", sa.Float(), nullable=True),
        sa.Column("value", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "metric_id", "seq", name="sample_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="sample_run_id_fkey"),
        sa.ForeignKeyConstraint(["metric_id"], ["metric.id"], name="sample_metric_id_fkey"),
        sqlite_with_rowid=False,
    )


def create_sources() -> None:
    op.create_table(
        "source",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("external_id", TEXT, nullable=False),
        sa.Column("location", TEXT, nullable=False),
        sa.Column("imported_at", TIMESTAMP, nullable=False),
        sa.Column("position", sa.JSON(), nullable=True),
        sa.Column("metric_names", sa.JSON(), nullable=False),
        sa.Column("audit", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="source_pkey"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name="source_run_id_fkey"),
        sa.UniqueConstraint("kind", "external_id", name="source_kind_external_id_key"),
    )
