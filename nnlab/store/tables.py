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
)

trial = Table(
    "trial",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("study_id", ForeignKey("study.id"), nullable=False),
    Column("digest", BytewiseText, nullable=False),
    Column("setting", JsonText, nullable=False),
    UniqueConstraint("study_id", "digest"),
)

_STATUSES = "'queued', 'running', 'finished', 'interrupted', 'diverged', 'failed'"

run = Table(
    "run",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("trial_id", ForeignKey("trial.id"), nullable=False),
    Column("seed", LargeInteger, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("current", StoredBoolean, nullable=False),
    Column("status", BytewiseText, nullable=False),
    Column("name", BytewiseText),
    Column("tags", JsonText, nullable=False),
    Column("epochs", Integer, nullable=False),
    Column("epochs_planned", Integer, nullable=False),
    Column("selected_epoch", Integer),
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
    Column("pruned_at", Integer),
    # The folder or URL of the run's files; NULL is the database's own folder.
    Column("artifacts", BytewiseText),
    # A checksum of the points, set when the run ends; NULL for runs of an earlier version.
    Column("points_checksum", BytewiseText),
    UniqueConstraint("trial_id", "seed", "repeat"),
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
    Column("first_epoch", Integer, nullable=False),
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
    Column("direction", BytewiseText, nullable=False),
    CheckConstraint("direction IN ('min', 'max')", name="direction"),
)

# NaN is NULL in `value`, `last` and `best`: SQLite has no NaN.
point = Table(
    "point",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("metric_id", ForeignKey("metric.id"), primary_key=True),
    Column("epoch", Integer, primary_key=True),
    Column("value", Float),
    CheckConstraint("epoch >= 0", name="epoch"),
)

summary = Table(
    "summary",
    metadata,
    Column("run_id", ForeignKey("run.id"), primary_key=True),
    Column("metric_id", ForeignKey("metric.id"), primary_key=True),
    Column("n", Integer, nullable=False),
    Column("last", Float),
    Column("last_epoch", Integer, nullable=False),
    Column("best", Float),
    Column("best_epoch", Integer),
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
    Column("onset", Integer),
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
