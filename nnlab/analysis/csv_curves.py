"""Reader of learning curves from CSV files with one row per epoch, for `nnlab diagnose`."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from nnlab.diagnosis.external_curves import curve_names
from nnlab.diagnosis.opposing_losses import opposing_losses
from nnlab.errors import DataError, UsageError, unknown_name_message
from nnlab.io.files import read_limited
from nnlab.metric_names import normalize_name
from nnlab.records import Curve, History
from nnlab.settings.numbers import is_plain_ascii, parse_number

# The names of the epoch's column, and nnlab's names of curves as `--map` takes them.
_EPOCH_COLUMNS = ("epoch", "epochs", "step")
_MAPPED_NAMES = {
    "train_loss": "train/loss",
    "val_loss": "val/loss",
    "train_acc": "train/accuracy",
    "val_acc": "val/accuracy",
    "lr": "lr",
}
# The largest file that is read; a million epochs need about a tenth of it.
MAX_BYTES = 256 << 20


def csv_files_in(paths: Sequence[Path]) -> list[Path]:
    """The files in `paths`, and all .csv files below the folders in `paths`, in order.

    Raises:
        DataError: a path does not exist, or a folder contains no .csv file.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            csv_files = sorted(file for file in path.rglob("*.csv") if file.is_file())
            if not csv_files:
                raise DataError(f"{path}: no file in this folder ends in .csv")
            files += csv_files
        elif path.exists():
            files.append(path)
        else:
            raise DataError(f"{path}: no such file or folder")
    return list(dict.fromkeys(files))


def parse_column_map(texts: Sequence[str]) -> dict[str, str]:
    """The file's column names by nnlab's, parsed from `--map epoch=step,val_loss=loss.1`.

    Raises:
        UsageError: a part is not `NAME=COLUMN`, or nnlab has no such name.
    """
    mapping = {}
    for part in (part for text in texts for part in text.split(",")):
        name, equals, column = part.partition("=")
        if not equals or not column:
            raise UsageError(f"--map takes NAME=COLUMN, got {part!r}", hint="--map val_loss=vloss")
        names = ("epoch", *_MAPPED_NAMES)
        if name.strip() not in names:
            raise UsageError(unknown_name_message("column", name.strip(), names))
        mapping[name.strip()] = column.strip()
    return mapping


def read_csv_history(path: Path, mapping: Mapping[str, str]) -> History:
    """The curves of a CSV file that the rules read; an empty cell is an epoch without a value.

    Args:
        path: the file.
        mapping: the file's column names by nnlab's names, where they differ.

    Raises:
        DataError: the file cannot be read or has no curve, or a cell is not a number.
    """
    try:
        text = read_limited(path, MAX_BYTES).decode("utf-8-sig")
        return _parse_history(path, iter(io.StringIO(text, newline="")), mapping)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not a CSV text file: {error}") from error


def _parse_history(path: Path, lines: Iterator[str], mapping: Mapping[str, str]) -> History:
    first_line = next(lines, "")
    separator = max(",;\t", key=first_line.count)
    header = [name.strip() for name in next(csv.reader([first_line], delimiter=separator), [])]
    columns = _column_indices(path, header, mapping)
    points: dict[str, dict[int, float]] = {name: {} for name in columns if name != "epoch"}
    reader = csv.reader(lines, delimiter=separator)
    for number, row in enumerate((row for row in reader if any(map(str.strip, row))), start=1):
        line = reader.line_num + 1
        epoch = number
        if "epoch" in columns:
            number_read = _parse_cell(path, line, row, columns["epoch"])
            if number_read is None or not number_read.is_integer() or not 0 <= number_read < 1e12:
                raise DataError(f"{path}, line {line}: an epoch must be a whole number")
            epoch = int(number_read)
        for name in points:
            value = _parse_cell(path, line, row, columns[name])
            if value is not None:
                points[name][epoch] = value
    if not any(points.values()):
        raise DataError(f"{path} has no values: a header line and a row for each epoch are needed")
    # nnlab counts epochs from 1, so epochs that count from 0 are shifted.
    shift = int(any(0 in values for values in points.values()))
    curves = {}
    for name, values in points.items():
        epochs = sorted(values)
        curves[name] = Curve(
            name,
            tuple(epoch + shift for epoch in epochs),
            tuple(values[epoch] for epoch in epochs),
        )
    return History({name: curve for name, curve in curves.items() if len(curve)})


def _column_indices(
    path: Path, header: Sequence[str], mapping: Mapping[str, str]
) -> dict[str, int]:
    """The column index of the epoch, and of each curve that the rules read, by its name.

    A mapped column gets nnlab's name, which comes before all other names.
    """
    for column in mapping.values():
        if column not in header:
            raise DataError(f"{path}: {unknown_name_message('column', column, header)}")
    mapped = {column: _MAPPED_NAMES.get(name, name) for name, column in mapping.items()}
    names = [mapped.get(column, column) for column in header]
    normalized = [normalize_name(name) for name in names]
    columns = {}
    if (match := next((name for name in _EPOCH_COLUMNS if name in normalized), None)) is not None:
        columns["epoch"] = normalized.index(match)
    if "epoch" in mapping:
        columns["epoch"] = header.index(mapping["epoch"])
    curves = curve_names([name for name in names if name not in _EPOCH_COLUMNS])
    for parts in curves.values():
        columns |= {name: names.index(name) for name in parts}
    if not curves.keys() - {"lr", "train/grad_norm"}:
        if opponents := opposing_losses(names):
            raise DataError(
                f"{path}: {' and '.join(opponents)} are losses of networks that are trained against"
                " each other; each rises when the other falls, so they do not show faults",
                hint="--map val_loss=COLUMN, if another column is better when it is lower",
            )
        raise DataError(
            f"{path}: no column of a loss or an accuracy among {', '.join(header) or 'nothing'}",
            hint="a header line such as epoch,train_loss,val_loss; or --map val_loss=COLUMN",
        )
    return columns


def _parse_cell(path: Path, line: int, row: Sequence[str], column: int) -> float | None:
    cell = row[column].strip() if column < len(row) else ""
    if cell.lower() in ("", "none", "null", "na", "-"):
        return None
    percent = parse_number(cell.removesuffix("%"))
    if cell.endswith("%") and percent is not None:
        return percent / 100
    try:
        # A loss may be nan or inf, unlike a number in a setting.
        return float(cell) if is_plain_ascii(cell) else _raise_not_a_number(path, line, cell)
    except ValueError:
        return _raise_not_a_number(path, line, cell)


def _raise_not_a_number(path: Path, line: int, cell: str) -> NoReturn:
    raise DataError(f"{path}, line {line}: {cell!r} is not a number")
