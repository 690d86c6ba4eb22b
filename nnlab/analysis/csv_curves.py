"""Learning curves from elsewhere: CSV files with a row an epoch."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from nnlab.config.numbers import is_plain_ascii, parse_number
from nnlab.errors import DataError, UsageError, unknown_name_message
from nnlab.io.files import read_limited
from nnlab.records import Curve, History

# Of a file: a million epochs are about a tenth of it.
MAX_BYTES = 256 << 20

# What a column may be called, in lower case with words joined by _.
_COLUMN_ALIASES: Mapping[str, tuple[str, ...]] = {
    "epoch": ("epoch", "epochs", "step"),
    "train_loss": ("train_loss", "training_loss", "loss", "train"),
    "val_loss": ("val_loss", "valid_loss", "validation_loss", "dev_loss", "test_loss", "val"),
    "train_acc": (
        "train_acc", "train_accuracy", "training_accuracy", "training_acc", "accuracy", "acc",
    ),
    "val_acc": (
        "val_acc", "val_accuracy", "valid_acc", "validation_accuracy", "valid_accuracy",
        "validation_acc", "test_acc", "test_accuracy",
    ),
    "lr": ("lr", "learning_rate"),
}  # fmt: skip
_METRIC_NAMES = {
    "train_loss": "train/loss",
    "val_loss": "val/loss",
    "train_acc": "train/accuracy",
    "val_acc": "val/accuracy",
    "lr": "lr",
}


def csv_files_in(places: Sequence[Path]) -> list[Path]:
    """The files named, and those ending in .csv below the folders named, in order.

    Raises:
        DataError: a place is not there, or a folder has none.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            inside = sorted(path for path in place.rglob("*.csv") if path.is_file())
            if not inside:
                raise DataError(f"{place}: no file in this folder ends in .csv")
            found += inside
        elif place.exists():
            found.append(place)
        else:
            raise DataError(f"{place}: no such file or folder")
    return list(dict.fromkeys(found))


def parse_column_map(texts: Sequence[str]) -> dict[str, str]:
    """Reads `--map epoch=step,val_loss=loss.1`: our names to the file's.

    Raises:
        UsageError: a part is not `ours=theirs`, or ours is not a known name.
    """
    mapping = {}
    for part in (part for text in texts for part in text.split(",")):
        ours, sign, theirs = part.partition("=")
        if not sign or not theirs:
            raise UsageError(f"--map takes ours=theirs, got {part!r}", hint="--map val_loss=vloss")
        if ours.strip() not in _COLUMN_ALIASES:
            raise UsageError(unknown_name_message("column", ours.strip(), _COLUMN_ALIASES))
        mapping[ours.strip()] = theirs.strip()
    return mapping


def read_csv_history(path: Path, mapping: Mapping[str, str]) -> History:
    """The curves of a file; empty cells are epochs at which nothing was measured.

    Raises:
        DataError: it cannot be read, has no curve, or a cell is no number.
    """
    try:
        text = read_limited(path, MAX_BYTES).decode("utf-8-sig")
        return _parse_history(path, iter(io.StringIO(text, newline="")), mapping)
    except OSError as error:
        raise DataError(f"{path}: {error.strerror or error}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: no CSV file of text: {error}") from error


def _parse_history(path: Path, lines: Iterator[str], mapping: Mapping[str, str]) -> History:
    sample = next(lines, "")
    separator = max(",;\t", key=sample.count)
    header = [name.strip() for name in next(csv.reader([sample], delimiter=separator), [])]
    places = _column_indices(path, header, mapping)
    points: dict[str, dict[int, float]] = {name: {} for name in places if name != "epoch"}
    reader = csv.reader(lines, delimiter=separator)
    for number, row in enumerate((row for row in reader if any(map(str.strip, row))), start=1):
        line = reader.line_num + 1
        epoch = number
        if "epoch" in places:
            told = _parse_cell(path, line, row, places["epoch"])
            if told is None or not told.is_integer() or not 0 <= told < 1e12:
                raise DataError(f"{path}, line {line}: an epoch must be a whole number")
            epoch = int(told)
        for name in points:
            value = _parse_cell(path, line, row, places[name])
            if value is not None:
                points[name][epoch] = value
    if not any(points.values()):
        raise DataError(f"{path} has no values: a header line and a row for each epoch are needed")
    # Epochs that count from 0 are counted from 1, as ours are.
    shift = int(any(0 in known for known in points.values()))
    curves = {}
    for name, known in points.items():
        epochs = sorted(known)
        metric = _METRIC_NAMES[name]
        values = tuple(known[epoch] for epoch in epochs)
        curves[metric] = Curve(metric, tuple(epoch + shift for epoch in epochs), values)
    return History({metric: curve for metric, curve in curves.items() if len(curve)})


def _column_indices(
    path: Path, header: Sequence[str], mapping: Mapping[str, str]
) -> dict[str, int]:
    """The column of each of our names that the file has."""
    plain = [_normalize_name(name) for name in header]
    places = {}
    for name, aliases in _COLUMN_ALIASES.items():
        if name in mapping:
            if mapping[name] not in header:
                raise DataError(f"{path}: {unknown_name_message('column', mapping[name], header)}")
            places[name] = header.index(mapping[name])
        elif (alias := next((one for one in aliases if one in plain), None)) is not None:
            places[name] = plain.index(alias)
    if not places.keys() & {"train_loss", "val_loss", "train_acc", "val_acc"}:
        raise DataError(
            f"{path}: no column of a loss or an accuracy among {', '.join(header) or 'nothing'}",
            hint="a header line such as epoch,train_loss,val_loss; --map val_loss=NAME for others",
        )
    return places


def _normalize_name(name: str) -> str:
    """`Val/Loss` and `val loss` as val_loss."""
    joined = "".join(letter if letter.isalnum() else "_" for letter in name.lower())
    return "_".join(part for part in joined.split("_") if part)


def _parse_cell(path: Path, line: int, row: Sequence[str], place: int) -> float | None:
    cell = row[place].strip() if place < len(row) else ""
    if cell.lower() in ("", "none", "null", "na", "-"):
        return None
    percent = parse_number(cell.removesuffix("%"))
    if cell.endswith("%") and percent is not None:
        return percent / 100
    try:
        # Losses may be nan or inf, unlike the numbers of a setting.
        return float(cell) if is_plain_ascii(cell) else _raise_not_a_number(path, line, cell)
    except ValueError:
        return _raise_not_a_number(path, line, cell)


def _raise_not_a_number(path: Path, line: int, cell: str) -> NoReturn:
    raise DataError(f"{path}, line {line}: {cell!r} is no number")
