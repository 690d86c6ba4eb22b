"""Limits of readers: memory, sizes of documents, depth of folders."""

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest
from log_examples import write_csv, write_keras_history, write_trainer_state
from log_readings import read_one

from nnlab.errors import DataError
from nnlab.exchange.json_lines import JsonLinesReader
from nnlab.exchange.keras_history import KerasHistoryReader
from nnlab.exchange.log_files import files_below, relative_id, run_name
from nnlab.exchange.log_reader import Audit, LogReader, SampleBatch
from nnlab.exchange.plain_csv import PlainCsvReader
from nnlab.exchange.trainer_state import TrainerStateReader


@pytest.mark.parametrize(
    ("reader", "name", "header", "line"),
    [
        (PlainCsvReader(), "log.csv", "step,loss\n", "{0},0.5\n"),
        (JsonLinesReader(), "log.jsonl", "", '{{"step": {0}, "loss": 0.5}}\n'),
    ],
)
def test_memory_does_not_grow_with_the_file(
    reader: LogReader, name: str, header: str, line: str, tmp_path: Path
) -> None:
    peaks = []
    for count in (50_000, 100_000):
        (tmp_path / name).write_text(header + "".join(line.format(n) for n in range(count)))
        [run] = reader.find(tmp_path)
        tracemalloc.start()
        read = 0
        for item in reader.read(run, None, Audit()):
            read += len(item.samples) if isinstance(item, SampleBatch) else 0
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert read == count
    assert peaks[1] < 1.1 * peaks[0]


@pytest.mark.parametrize(
    ("write", "reader"),
    [(write_keras_history, KerasHistoryReader()), (write_trainer_state, TrainerStateReader())],
)
def test_a_document_that_is_too_large_is_refused(
    write: Callable[[Path], Path], reader: LogReader, tmp_path: Path
) -> None:
    path = write(tmp_path)
    [run] = reader.find(tmp_path)
    with path.open("r+b") as file:
        file.truncate((256 << 20) + 1)  # the disk does not store the zeros
    with pytest.raises(DataError, match="larger than the limit of 256 MiB"):
        list(reader.read(run, None, Audit()))


def test_a_line_that_is_too_long_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with path.open("w") as file:
        file.write('{"step": 1, "loss": 2}\n')
        file.write('{"step": 2, "text": "' + "x" * (9 << 20) + '"}\n')
        file.write('{"step": 3, "loss": 1}\n')
    reading = read_one(JsonLinesReader(), path)
    assert [step for step, _, _ in reading.curve("loss")] == [1, 3]
    assert reading.notes == {"long-line": 1}


def test_deep_folders_and_folders_of_code_are_not_searched(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 60)
    deep.mkdir(parents=True)
    write_csv(deep)
    for name in (".git", "node_modules", "__pycache__"):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name)
    assert not list(PlainCsvReader().find(tmp_path))


def test_files_that_are_not_regular_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.csv")
    (tmp_path / "folder.csv").mkdir()
    assert not list(files_below(tmp_path, lambda name: name.endswith(".csv")))
    assert not list(PlainCsvReader().find(tmp_path / "log.csv"))


def test_ids_begin_with_the_folder_that_was_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs" / "a"
    folder.mkdir(parents=True)
    path = write_csv(folder)
    assert relative_id(path, tmp_path / "runs") == "runs/a/curves.csv"
    assert relative_id(path, folder) == "a/curves.csv"
    assert relative_id(path, path) == "a/curves.csv"
    monkeypatch.chdir(tmp_path / "runs")
    assert relative_id(Path("a/curves.csv"), Path()) == "runs/a/curves.csv"
    assert relative_id(Path("a/curves.csv"), Path("a/curves.csv")) == "a/curves.csv"
    monkeypatch.chdir(folder)
    assert relative_id(Path("curves.csv"), Path("curves.csv")) == "a/curves.csv"
    assert run_name(Path("metrics.csv")) == "a"
