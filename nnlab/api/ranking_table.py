"""`RankingTable`: a ranking of comparable trials, as `nnlab compare` prints it."""

from collections.abc import Mapping, Sequence
from typing import Any

from nnlab.analysis.plain_values import ranking_row_values
from nnlab.analysis.records import Ranking, RankingRow
from nnlab.api.record_table import RecordTable

# Columns of the data frame that do not depend on the setting.
_COLUMNS = (
    "n", "missing", "mean", "sd", "min", "max", "interval_low", "interval_high", "tier", "p",
    "epoch", "test_mean", "test_sd", "test_epoch", "different_data", "pruned", "flags", "onsets",
    "statuses", "trials", "runs",
)  # fmt: skip
_SHOWN = ("n", "mean", "sd", "tier", "p", "epoch", "test_mean", "flags")


class RankingTable(RecordTable[RankingRow]):
    """The rows of a ranking, best first.

    Attributes:
        ranking: the ranking, with its scope, objective, fields and notes.
        other_groups: rankings of runs that are not comparable with these.
    """

    noun = "trial"

    def __init__(self, ranking: Ranking, other_groups: Sequence["RankingTable"] = ()) -> None:
        super().__init__(ranking.rows)
        self.ranking = ranking
        self.other_groups = tuple(other_groups)

    @property
    def metric(self) -> str:
        """The metric that ranks the trials."""
        return self.ranking.objective.metric

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the settings in which the trials differ."""
        return self.ranking.fields

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be known to read the ranking."""
        return self.ranking.notes

    def _values(self, record: RankingRow) -> Mapping[str, Any]:
        values = ranking_row_values(record)
        low, high = record.interval or (None, None)
        comparison = record.comparison
        return {
            **{field: record.labelled_setting.get(field) for field in self.fields},
            **values,
            "interval_low": low,
            "interval_high": high,
            "p": comparison.adjusted if comparison else None,
        }

    def _columns(self) -> tuple[str, ...]:
        return ("rank", *self.fields, *_COLUMNS)

    def _shown_columns(self) -> tuple[str, ...]:
        return ("rank", *self.fields, *_SHOWN)

    def _heading(self) -> str:
        direction = "lower" if self.ranking.objective.direction == "min" else "higher"
        heading = f"{super()._heading()} by {self.metric} ({direction} is better)"
        return f"{heading}: {self.ranking.heading}" if self.ranking.heading else heading

    def _footnotes(self) -> list[str]:
        notes = [*super()._footnotes(), *self.notes]
        if self.other_groups:
            names = "; ".join(group.ranking.heading for group in self.other_groups)
            notes.append(f"not comparable with these, in other_groups: {names}")
        return notes
