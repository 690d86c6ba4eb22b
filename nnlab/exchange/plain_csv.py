"""Reader of CSV files of no particular tool: one row per epoch or step, one column per metric."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from nnlab.exchange.csv_rows import sniff_rows
from nnlab.exchange.csv_samples import read_csv_samples
from nnlab.exchange.log_files import files_below, relative_id, run_name
from nnlab.exchange.log_reader import Audit, LoggedRun, LogItem, Position, RunDetails
from nnlab.exchange.metric_table import parse_value
from nnlab.exchange.sample_rows import EPOCH_NAMES, STEP_NAMES, TIME_NAMES
from nnlab.metric_names import normalize_name
from nnlab.objective import direction_of

_SUFFIXES = (".csv", ".tsv")
_INDEX_NAMES = frozenset({*STEP_NAMES, *EPOCH_NAMES})


class PlainCsvReader:
    """Reads CSV and TSV files with a header; a file is one run.

    A blank cell is a missing value, `50%` is 0.5, and nan and inf are numbers. Without a column of
    epochs or steps, the rows are numbered.
    """

    kind = "csv"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Files whose first row has a number in a column of an index or of a known metric.

        In a folder, they end in .csv or .tsv; a file that is named itself may have any name.
        """
        is_folder = path.is_dir()
        for file in files_below(path, lambda n: not is_folder or n.lower().endswith(_SUFFIXES)):
            if _has_curves(*sniff_rows(file)):
                yield LoggedRun(self.kind, relative_id(file, path), run_name(file), (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The samples of the file; it says nothing else about the run."""
        yield RunDetails(name=run.name)
        yield from read_csv_samples(
            run.paths[0], position, audit, accept_unterminated=True, numbers_rows=True
        )


def _has_curves(header: tuple[str, ...], first_row: tuple[str, ...]) -> bool:
    """Whether a table may be a log: other tables, such as data sets, are not claimed."""
    columns = [normalize_name(name) for name in header]
    metrics = [
        name for name in columns if name not in _INDEX_NAMES and name not in TIME_NAMES and name
    ]
    if not metrics or not any(_is_number(cell) for cell in first_row):
        return False
    if any(name in _INDEX_NAMES for name in columns):
        return True
    return any(direction_of(name) is not None for name in metrics)


def _is_number(cell: str) -> bool:
    try:
        return parse_value(cell) is not None
    except ValueError:
        return False
