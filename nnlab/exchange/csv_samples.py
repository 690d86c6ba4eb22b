"""The samples of a CSV file with one row per step or epoch; the readers of CSV formats use it."""

from collections.abc import Callable, Iterator
from pathlib import Path

from nnlab.exchange.batching import batches_of
from nnlab.exchange.csv_rows import CsvRows
from nnlab.exchange.growing_file import GrowingFile
from nnlab.exchange.log_reader import Audit, LogItem, Position, ReadPosition, Restart
from nnlab.exchange.metric_table import MetricNames, parse_value
from nnlab.exchange.sample_rows import RowSamples, roles_of
from nnlab.records import Sample


def read_csv_samples(
    path: Path,
    position: Position | None,
    audit: Audit,
    *,
    accept_unterminated: bool = False,
    numbers_rows: bool = False,
    epochs_from_0: bool | None = None,
    prefer_step: str | None = None,
    ignored: Callable[[str], bool] = lambda _: False,
) -> Iterator[LogItem]:
    """The samples of a file from a position on, and the new position.

    Args:
        path: the file.
        position: where the last reading ended.
        audit: what could not be read.
        accept_unterminated: whether a last line without line end is read.
        numbers_rows: whether rows without step and epoch are numbered.
        epochs_from_0: whether epochs are counted from 0; None means that the first row decides.
        prefer_step: the column of the step, if the tool has its own.
        ignored: whether a column of this name is left out.

    Raises:
        DataError: the file cannot be read or has no usable header.
    """
    names = MetricNames(audit)
    with GrowingFile(path, position, audit) as file:
        if file.was_replaced:
            yield Restart()
            position = None
        table = CsvRows(file, path, audit)
        roles = roles_of(table.header, names, audit, prefer_step=prefer_step, ignored=ignored)
        reader = RowSamples(
            parse_value,
            names,
            audit,
            position,
            numbers_rows=numbers_rows,
            epochs_from_0=epochs_from_0,
        )

        def samples() -> Iterator[Sample]:
            for row in table.rows(accept_unterminated=accept_unterminated):
                yield from reader.samples(roles, row)

        yield from batches_of(samples())
        yield ReadPosition({**file.position(), **reader.position()})
