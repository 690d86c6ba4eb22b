"""The columns of a table that determine the splits: `--split-by`, `--split-by-time`, ..."""

from dataclasses import dataclass

from nnlab.settings import RunConfig


@dataclass(frozen=True, slots=True)
class SplitColumns:
    """Columns of a table by their use for the splits.

    `group` and `time` are no features of the examples; the columns of `stratify` are.
    """

    group: str | None = None
    time: str | None = None
    stratify: tuple[str, ...] = ()

    @classmethod
    def of(cls, config: RunConfig) -> "SplitColumns":
        """The columns that a config names."""
        stratify = tuple(config.stratify_by.split("+")) if config.stratify_by else ()
        return cls(config.split_by, config.split_by_time, stratify)

    @property
    def excluded(self) -> tuple[str, ...]:
        """The columns that are no features."""
        return tuple(name for name in (self.group, self.time) if name is not None)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, each once."""
        return tuple(dict.fromkeys((*self.excluded, *self.stratify)))

    def option_of(self, name: str) -> str:
        """The option that names a column, with the column, for messages."""
        if name == self.group:
            return f"--split-by {name}"
        return f"--split-by-time {name}" if name == self.time else f"--stratify-by {name}"


NO_COLUMNS = SplitColumns()
