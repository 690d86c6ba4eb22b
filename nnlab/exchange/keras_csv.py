"""Reader of the files of Keras's CSVLogger: one row per epoch, counted from 0."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from nnlab.exchange.csv_rows import sniff_rows
from nnlab.exchange.csv_samples import read_csv_samples
from nnlab.exchange.log_files import files_below, relative_id, run_name
from nnlab.exchange.log_reader import Audit, LoggedRun, LogItem, Position, RunDetails


class KerasCsvReader:
    """Reads files of CSVLogger; a file is one run.

    The first column is `epoch`, the others are sorted. Names of metrics of the training split have
    no prefix, those of the validation split begin with `val_`.
    """

    kind = "keras-csv"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Files with the columns of CSVLogger whose first epoch is 0."""
        for file in files_below(path, lambda name: name.lower().endswith((".csv", ".log", ".tsv"))):
            header, first_row = sniff_rows(file)
            if is_keras_header(header) and first_row[:1] == ("0",):
                yield LoggedRun(self.kind, relative_id(file, path), run_name(file), (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The samples of the file; it says nothing else about the run."""
        yield RunDetails(name=run.name)
        yield from read_csv_samples(run.paths[0], position, audit, epochs_from_0=True)


def is_keras_header(header: tuple[str, ...]) -> bool:
    """Whether the columns are those that CSVLogger writes."""
    metrics = list(header[1:])
    return (
        header[:1] == ("epoch",)
        and "loss" in metrics
        and metrics == sorted(set(metrics))
        and not any("/" in name for name in metrics)
    )
