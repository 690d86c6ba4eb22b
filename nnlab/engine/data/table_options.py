"""`TableOptions`: how a table is read, and which of its columns become features."""

from dataclasses import dataclass, field

from nnlab.catalogue import Task, is_user_code
from nnlab.engine.data.split_columns import NO_COLUMNS, SplitColumns
from nnlab.errors import ConfigError
from nnlab.settings import RunConfig, setting_fields
from nnlab.settings.column_names import parse_column_names

FORMAT_FIELDS = ("csv_sep", "csv_encoding", "csv_decimal", "csv_thousands", "csv_header")
# The fields of a setting that only tables have.
TABLE_FIELDS = (
    "task", "target_separator", "drop_columns", "only_columns", "missing", "max_categories",
    "many_categories", "categories", "embedding_size", "dates", "booleans", *FORMAT_FIELDS,
)  # fmt: skip

_CHOSEN_FIELDS = (
    "task", "target_separator", "missing", "max_categories", "many_categories", "categories",
    "embedding_size", "dates", "booleans",
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
        """The format that a config names.

        Raises:
            ConfigError: the decimal mark also separates groups of digits.
        """
        if config.csv_decimal is not None and config.csv_decimal == config.csv_thousands:
            mark = config.csv_decimal
            raise ConfigError(
                [
                    f"--csv-decimal {mark} and --csv-thousands {mark} are the same mark: 1.234"
                    " would have two meanings"
                ]
            )
        return cls(*(getattr(config, name) for name in FORMAT_FIELDS))


@dataclass(frozen=True, slots=True)
class TableOptions:
    """The options of a config for tables; the attributes are the fields of RunConfig.

    `task` is for all data.
    """

    split: SplitColumns = NO_COLUMNS
    format: FormatOptions = field(default_factory=FormatOptions)
    task: Task | None = None
    target_separator: str | None = None
    drop_columns: tuple[str, ...] = ()
    only_columns: tuple[str, ...] = ()
    missing: str = "error"
    max_categories: int = 50
    many_categories: str = "error"
    categories: str = "one-hot"
    embedding_size: int | None = None
    dates: str = "error"
    booleans: str = "one-hot"
    flags: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: RunConfig) -> "TableOptions":
        """The options that a config names; `flags` are the flags of those for tables only.

        Options with a default in the catalogue of data sets have no effect on other data, which
        the resolution of the config finds.
        """
        fields = setting_fields()
        values = {name: getattr(config, name) for name in TABLE_FIELDS}
        if is_user_code("task", config.task):
            values["task"] = None  # no kind of targets of a table
        present = (name for name, value in values.items() if value is not None)
        chosen = {name: values[name] for name in _CHOSEN_FIELDS if values[name] is not None}
        return cls(
            SplitColumns.of(config),
            FormatOptions.of(config),
            drop_columns=_names(config.drop_columns),
            only_columns=_names(config.only_columns),
            flags=tuple(
                fields[name].flag
                for name in present
                if name != "task" and fields[name].option.default_from is None
            ),
            **chosen,
        )


def _names(text: str | None) -> tuple[str, ...]:
    return parse_column_names(text) if text else ()


DEFAULT_TABLE_OPTIONS = TableOptions()
