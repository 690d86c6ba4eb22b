"""The tables that every statement of the store refers to.

Migrations create them; a test compares the two. Storage options (WITHOUT ROWID in SQLite,
partitions in PostgreSQL) are in the migrations only: naming them here would import both dialects
with every command.
"""

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.types import TypeEngine

# Every constraint has a name: a later migration can change only named constraints.
metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


class _StoredAsIs(TypeDecorator[Any]):
    """Gives and takes values as the driver stores them.

    The store validates every value that it reads (`row_validation`): a conversion here would fail
    for a whole query because of one corrupt row.
    """

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> None:
        """No conversion of parameters."""

    def result_processor(self, dialect: Dialect, coltype: object) -> None:
        """No conversion of results."""


class Timestamp(_StoredAsIs):
    """ISO 8601 text in UTC: a string in SQLite, a timestamp with time zone in PostgreSQL."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The column type of a dialect."""
        stored: TypeEngine[Any] = DateTime(timezone=True)
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else stored)


class JsonText(_StoredAsIs):
    """JSON, read and written as text."""

    impl = JSON(none_as_null=True)
    cache_ok = True


class StoredBoolean(_StoredAsIs):
    """A truth value: 0 or 1 in SQLite."""

    impl = Boolean()
    cache_ok = True


# Text is sorted by its bytes, as in SQLite, whatever the server's locale.
BytewiseText = Text().with_variant(Text(collation="C"), "postgresql")
# SQLite's integers have up to 64 bits; PostgreSQL's INTEGER has 32.
LargeInteger = Integer().with_variant(BigInteger(), "postgresql")

study = Table(
    "study",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", BytewiseText, nullable=False, unique=True),
    Column("question", BytewiseText, nullable=False),
    Column("objective", BytewiseText),
    Column("space", JsonText),
    Column("seeds", JsonText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    # The claim, the arms that are compared, and the comparisons that decide the claim.
    Column("claim", BytewiseText),
    Column("arms", JsonText),
    Column("decides", JsonText),
    # How the trials are chosen; NULL is the whole grid.
    Column("sampler", JsonText),
    Column("removed_at", Timestamp),
    # The user's script that every run of the study executes; NULL if nnlab trains them.
    Column("script", JsonText),
)

trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("study.id"), nullable=False),
    Column("digest", BytewiseText, nullable=False),
    Column("setting", JsonText, nullable=False),
    # The setting as another program gave it, perhaps with nested values; NULL where nnlab or a
    # study's script made it.
    Column("nested_setting", JsonText),
    UniqueConstraint("study_id", "digest"),
)

_ORIGINS = "'builtin', 'task', 'script', 'recorded', 'imported'"
_STATUSES = "'queued', 'running', 'finished', 'interrupted', 'diverged', 'failed'"

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("trial.id"), nullable=False),
    # NULL if it is unknown, which is possible for runs of other programs.
    Column("seed", LargeInteger),
    Column("repeat", Integer, nullable=False),
    Column("current", StoredBoolean, nullable=False),
    Column("status", BytewiseText, nullable=False),
    Column("name", BytewiseText),
    Column("tags", JsonText, nullable=False),
    Column("epochs", LargeInteger, nullable=False),
    Column("epochs_planned", LargeInteger, nullable=False),
    Column("selected_epoch", LargeInteger),
    Column("data_fingerprint", BytewiseText),
    Column("reason", BytewiseText),
    Column("wall_seconds", Float),
    Column("device_seconds", Float),
    Column("created_at", Timestamp, nullable=False),
    Column("started_at", Timestamp),
    Column("ended_at", Timestamp),
    # The attempt that has the lease. Not a foreign key, because attempts refer to runs.
    Column("lease_attempt_id", Integer),
    Column("lease_until", Float),
    # The run whose weights this run started from. Not a foreign key: the column was added later.
    Column("parent_id", Integer),
    # Removed runs are hidden, never current, and kept until `nnlab db gc`.
    Column("removed_at", Timestamp),
    # A run with such a request is not claimed; its worker ends it after the current epoch.
    Column("stop_requested_at", Timestamp),
    # The epoch after which a pruner ended the run.
    Column("pruned_at", LargeInteger),
    # The folder or URL of the run's files; NULL is the database's own folder.
    Column("artifacts", BytewiseText),
    # A checksum of the points, set when the run ends; NULL for runs of an earlier version.
    Column("points_checksum", BytewiseText),
    # Who trained it; runs of other programs are never queued again by nnlab.
    Column("origin", BytewiseText, nullable=False, server_default="builtin"),
    # What `epoch` means in its points and summaries: an epoch or a step.
    Column("axis", BytewiseText, nullable=False, server_default="epoch"),
    # Final values that the user's code has set (JSON object); NULL if there are none.
    Column("results", JsonText),
    UniqueConstraint("trial_id", "seed", "repeat"),
    CheckConstraint(f"origin IN ({_ORIGINS})", name="origin"),
    CheckConstraint("axis IN ('epoch', 'step')", name="axis"),
    CheckConstraint(f"status IN ({_STATUSES})", name="status"),
    CheckConstraint("repeat >= 0", name="repeat"),
    CheckConstraint("epochs >= 0", name="epochs"),
    CheckConstraint("epochs_planned >= 0", name="epochs_planned"),
    Index("run_status", "status"),
    Index("run_name", "name"),
)

environment = Table(
    "environment",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", BytewiseText, nullable=False, unique=True),
    Column("hostname", BytewiseText, nullable=False),
    Column("platform", BytewiseText, nullable=False),
    Column("python", BytewiseText, nullable=False),
    Column("torch", BytewiseText, nullable=False),
    Column("nnlab", BytewiseText, nullable=False),
    Column("packages", JsonText, nullable=False),
    Column("device", BytewiseText, nullable=False),
    Column("threads", Integer, nullable=False),
    Column("git_commit", BytewiseText),
    Column("git_dirty", StoredBoolean),
    Column("git_diff", BytewiseText),
)

attempt = Table(
    "attempt",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    # Known once the worker has its device; NULL if the worker died before that.
    Column("environment_id", ForeignKey("environment.id")),
    Column("hostname", BytewiseText, nullable=False),
    # The namespace of the process id: each container may have its own.
    Column("pid_space", BytewiseText, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("command", BytewiseText, nullable=False),
    Column("first_epoch", LargeInteger, nullable=False),
    Column("outcome", BytewiseText),
    Column("started_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    # `solo`, or `stacked 64` for a batch of 64 runs that were trained as one program.
    Column("engine", BytewiseText),
    Column("peak_bytes", LargeInteger),
    # The Python traceback of the error that ended the attempt; NULL without an error.
    Column("traceback", BytewiseText),
    CheckConstraint("first_epoch >= 0", name="first_epoch"),
    Index("attempt_run_id", "run_id"),
)

metric = Table(
    "metric",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", BytewiseText, nullable=False, unique=True),
    # Which value `summary.best` is; `min` if it is unknown which values are better.
    Column("direction", BytewiseText, nullable=False),
    # As the user has defined it: min, max or none; NULL if it follows from the name, if at all.
    Column("user_direction", BytewiseText),
    CheckConstraint("direction IN ('min', 'max')", name="direction"),
)

# NaN is NULL in `value`, `last` and `best`: SQLite has no NaN.
point = Table(
    "point",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("metric_id", ForeignKey("metric.id"), primary_key=True),
    Column("epoch", LargeInteger, primary_key=True),
    Column("value", Float),
    CheckConstraint("epoch >= 0", name="epoch"),
)

# Every value that another program logged, in the order of arrival: `seq` numbers the calls.
# NaN is NULL in `value`; a value that is missing has no row. `time` is in Unix seconds.
sample = Table(
    "sample",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("metric_id", ForeignKey("metric.id"), primary_key=True),
    Column("seq", LargeInteger, primary_key=True),
    Column("step", LargeInteger),
    Column("epoch", Float),
    Column("time", Float),
    Column("value", Float),
)

# Where an imported run comes from. `external_id` identifies it among the runs of its kind.
source = Table(
    "source",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("kind", BytewiseText, nullable=False),
    Column("external_id", BytewiseText, nullable=False),
    Column("location", BytewiseText, nullable=False),
    Column("imported_at", Timestamp, nullable=False),
    # Where the next import goes on reading; its content depends on the kind.
    Column("position", JsonText),
    # The name of each metric in the source, by its name here.
    Column("metric_names", JsonText, nullable=False),
    # What the import could not take over, as a list of notes.
    Column("audit", JsonText, nullable=False),
    UniqueConstraint("kind", "external_id"),
)

summary = Table(
    "summary",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("metric_id", ForeignKey("metric.id"), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("last", Float),
    Column("last_epoch", LargeInteger, nullable=False),
    Column("best", Float),
    Column("best_epoch", LargeInteger),
    CheckConstraint("n > 0", name="n"),
    # Has all columns that a ranking reads, in its order: the table itself is not read.
    Index("summary_best", "metric_id", "best", "run_id", "best_epoch"),
)

finding = Table(
    "finding",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("code", BytewiseText, nullable=False),
    Column("name", BytewiseText, nullable=False),
    Column("severity", BytewiseText, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("onset", LargeInteger),
    Column("message", BytewiseText, nullable=False),
    Column("remedy", BytewiseText, nullable=False),
    Column("evidence", JsonText, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    UniqueConstraint("run_id", "code"),
    CheckConstraint("severity IN ('info', 'warning', 'error')", name="severity"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
)

artifact = Table(
    "artifact",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("run.id"), nullable=False),
    Column("kind", BytewiseText, nullable=False),
    Column("path", BytewiseText, nullable=False),
    Column("sha256", BytewiseText, nullable=False),
    Column("size", LargeInteger, nullable=False),
    Column("created_at", Timestamp, nullable=False),
    UniqueConstraint("run_id", "kind"),
    CheckConstraint("size >= 0", name="size"),
)

# The ledger of `nnlab gate`: the candidates of a study in the order in which they got their levels.
gate = Table(
    "gate",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("study.id"), nullable=False),
    # NULL for the entry of the first baseline, which is compared with nothing.
    Column("baseline_trial_id", ForeignKey("trial.id")),
    Column("candidate_trial_id", ForeignKey("trial.id"), nullable=False),
    Column("objective", BytewiseText, nullable=False),
    Column("min_effect", Float, nullable=False),
    Column("max_seeds", Integer, nullable=False),
    # The one-sided level of the test, which follows from the p values of the entries before.
    Column("level", Float),
    Column("p", Float),
    # NULL until the test has ended.
    Column("verdict", BytewiseText),
    # Of the candidate minus the baseline, positive if it is better; an unknown bound is NULL.
    Column("effect", Float),
    Column("low", Float),
    Column("high", Float),
    # The seeds of the pairs, in their order.
    Column("seeds", JsonText, nullable=False),
    Column("expected_left", Float),
    Column("reason", BytewiseText),
    Column("created_at", Timestamp, nullable=False),
    Column("ended_at", Timestamp),
    Column("removed_at", Timestamp),
    CheckConstraint("verdict IN ('baseline', 'keep', 'discard', 'not yet')", name="verdict"),
    CheckConstraint("max_seeds > 0", name="max_seeds"),
    CheckConstraint("p BETWEEN 0 AND 1", name="p"),
    Index("gate_study_id", "study_id"),
)
