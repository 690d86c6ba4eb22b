"""`TableOptions`: how a table is read, and which of its columns become features."""

from dataclasses import dataclass, field

from nnlab.catalogue import Task
from nnlab.config import RunConfig, setting_fields
from nnlab.config.column_names import parse_column_names
from nnlab.engine.data.split_columns import NO_COLUMNS, SplitColumns

FORMAT_FIELDS = ("csv_sep", "csv_encoding", "csv_decimal", "csv_thousands", "csv_header")
# The fields of a setting that only tables have.
TABLE_FIELDS = (
    "task", "drop_columns", "only_columns", "missing", "max_categories", "many_categories",
    "dates", "booleans", *FORMAT_FIELDS,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FormatOptions:
    """The format of a text table as the user gave it; what is None is detected."""

    sep: str | None = None
    encoding: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    header: str | None = None

    @classmethod
    def of(cls, config: RunConfig) -> "FormatOptions":
        """The format that a config names."""
        return cls(*(getattr(config, name) for name in FORMAT_FIELDS))


@dataclass(frozen=True, slots=True)
class TableOptions:
    """The options of a config for tables; the attributes are the fields of RunConfig."""

    split: SplitColumns = NO_COLUMNS
    format: FormatOptions = field(default_factory=FormatOptions)
    task: Task | None = None
    drop_columns: tuple[str, ...] = ()
    only_columns: tuple[str, ...] = ()
    missing: str = "error"
    max_categories: int = 50
    many_categories: str = "error"
    dates: str = "error"
    booleans: str = "one-hot"
    given: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: RunConfig) -> "TableOptions":
        """The options that a config names; `given` are those that differ from their default."""
        fields = setting_fields()
        given = (name for name in TABLE_FIELDS if getattr(config, name) != fields[name].default)
        return cls(
            SplitColumns.of(config),
            FormatOptions.of(config),
            config.task,  # type: ignore[arg-type]  # checked when it was parsed
            _names(config.drop_columns),
            _names(config.only_columns),
            config.missing,
            config.max_categories,
            config.many_categories,
            config.dates,
            config.booleans,
            tuple(fields[name].flag for name in given),
        )


def _names(text: str | None) -> tuple[str, ...]:
    return parse_column_names(text) if text else ()


DEFAULT_TABLE_OPTIONS = TableOptions()
