"""`nnlab import` compared with the readers of the tools themselves: values a second, peak memory.

Each measurement is a process of its own that imports its packages first and reports the time of the
work alone, in seconds of processor time, because other programs may be running; nnlab also stores
what it reads. Both sides run in alternation. Run as a program, it
writes the section "Importing logs" of docs/performance.md.
"""

import argparse
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

ROUNDS = 3
PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
GOAL_VALUES_PER_SECOND = 100_000
_SECTION = re.compile(r"## Importing logs\n.*?(?=\n## |\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LogFormat:
    """A kind of log of the benchmark: how it is written, and the tool's own reader of it."""

    name: str
    reference: str
    values: int
    write: Callable[[Path, int], None]
    read: Callable[[Path], int]


@dataclass(frozen=True, slots=True)
class ImportSpeed:
    """Medians over the rounds: seconds and peak megabytes of nnlab and of the tool's reader."""

    format: LogFormat
    seconds: float
    megabytes: float
    reference_seconds: float
    reference_megabytes: float

    @property
    def values_per_second(self) -> float:
        """The values that nnlab reads and stores in a second."""
        return self.format.values / self.seconds


def _write_tensorboard(folder: Path, values: int) -> None:
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(str(folder / "run"))
    for step in range(values // 4):
        for tag in ("loss/train", "accuracy/train", "lr", "grad_norm"):
            writer.add_scalar(tag, 1.0 / (step + 1), step)
    writer.close()


def _read_tensorboard(folder: Path) -> int:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "run"), size_guidance={"scalars": 0})
    events.Reload()
    return sum(len(events.Scalars(tag)) for tag in events.Tags()["scalars"])


def _write_wandb(folder: Path, values: int) -> None:
    import wandb

    os.environ |= {"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_X_DISABLE_STATS": "true"}
    run = wandb.init(project="speed", dir=str(folder), settings=wandb.Settings(console="off"))
    for step in range(values // 3):
        run.log({"train/loss": 1.0 / (step + 1), "train/acc": step / values, "lr": 1e-3})
    run.finish()


def _read_wandb(folder: Path) -> int:
    """The package has no public reader: its messages, from blocks that are split by hand."""
    from wandb.proto import wandb_internal_pb2

    (path,) = folder.rglob("*.wandb")
    count = 0
    for data in _wandb_records(path):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        for item in record.history.item:
            name = item.key or item.nested_key[0]
            count += not name.startswith("_") and isinstance(
                json.loads(item.value_json), int | float
            )
    return count


def _wandb_records(path: Path) -> Iterator[bytes]:
    """The records in the blocks of 32 KiB of a .wandb file, without verifying checksums."""
    data, position, parts = path.read_bytes(), 7, b""
    while position + 7 <= len(data):
        left = -position % 32768
        if 0 < left < 7:
            position += left
            continue
        length = int.from_bytes(data[position + 4 : position + 6], "little")
        kind = data[position + 6]
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # a whole record, or its last part
            yield parts
            parts = b""


def _write_mlflow(folder: Path, values: int) -> None:
    from mlflow import MlflowClient
    from mlflow.entities import Metric

    client = MlflowClient(f"file:{folder / 'mlruns'}")
    run = client.create_run(client.create_experiment("speed"))
    names = ("train_loss", "train_acc", "lr")
    metrics = [
        Metric(name, 1.0 / (step + 1), 1_700_000_000_000 + step, step)
        for step in range(values // len(names))
        for name in names
    ]
    for begin in range(0, len(metrics), 1000):
        client.log_batch(run.info.run_id, metrics=metrics[begin : begin + 1000])


def _read_mlflow(folder: Path) -> int:
    from mlflow import MlflowClient

    client = MlflowClient(f"file:{folder / 'mlruns'}")
    experiments = [item.experiment_id for item in client.search_experiments()]
    return sum(
        len(client.get_metric_history(run.info.run_id, name))
        for run in client.search_runs(experiments)
        for name in run.data.metrics
    )


def _write_csv(folder: Path, values: int) -> None:
    with (folder / "metrics.csv").open("w") as file:
        file.write("step,train_loss,train_acc,lr,val_loss\n")
        # An evaluation in the place of every hundredth training value.
        for step in range(values // 3):
            train, val = (
                (f"{1 / (step + 1):.9f}", "") if step % 100 else ("", f"{step / values:.9f}")
            )
            file.write(f"{step},{train},{step / values:.9f},0.001,{val}\n")


def _read_csv(folder: Path) -> int:
    import csv

    with (folder / "metrics.csv").open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        columns = list(
            zip(*([float(cell) if cell else None for cell in row] for row in rows), strict=True)
        )
    return sum(len(column) - column.count(None) for column in columns[1:])


FORMATS = (
    LogFormat("TensorBoard", "EventAccumulator", 200_000, _write_tensorboard, _read_tensorboard),
    LogFormat("W&B offline", "wandb's messages", 60_000, _write_wandb, _read_wandb),
    LogFormat("MLflow file store", "MlflowClient", 120_000, _write_mlflow, _read_mlflow),
    LogFormat("CSV", "csv.reader to floats", 300_000, _write_csv, _read_csv),
)


def measure(folder: Path, rounds: int = ROUNDS) -> list[ImportSpeed]:
    """Writes a log of each format, and reads it with nnlab and the tool in alternation."""
    speeds = []
    for item in FORMATS:
        place = folder / item.name.replace(" ", "-")
        place.mkdir()
        _in_process("write", item.name, place, item.values)
        ours, reference = [], []
        for _ in range(rounds):
            ours.append(_in_process("import", item.name, place, item.values))
            reference.append(_in_process("read", item.name, place, item.values))
        speeds.append(ImportSpeed(item, *_medians(ours), *_medians(reference)))
    return speeds


def measure_memory(folder: Path, factor: int = 4) -> tuple[float, float]:
    """The peak megabytes of nnlab for a CSV file, and for one that is longer by a factor."""
    item = FORMATS[-1]
    peaks = []
    for values in (item.values, item.values * factor):
        place = folder / f"{values}"
        place.mkdir()
        _in_process("write", item.name, place, values)
        peaks.append(_in_process("import", item.name, place, values)[1])
    return peaks[0], peaks[1]


def section(speeds: list[ImportSpeed], growth: tuple[float, float], day: date) -> str:
    """The section of docs/performance.md."""
    rows = [
        f"| {item.format.name} | {item.format.values:,} | {item.seconds:.2f} s"
        f" | {item.values_per_second:,.0f} | {item.megabytes:.0f} MB | {item.format.reference}"
        f" | {item.reference_seconds:.2f} s | {item.reference_megabytes:.0f} MB |"
        for item in speeds
    ]
    met = sum(item.values_per_second >= GOAL_VALUES_PER_SECOND for item in speeds)
    lines = [
        "## Importing logs",
        "",
        "`nnlab import` of one log into a new database, and the tool's own reader, which stores",
        "nothing, in alternation: seconds of processor time without the import of packages.",
        f"Medians of {ROUNDS} rounds, {day.isoformat()}; `python benchmarks/importing.py` measures"
        " again.",
        "",
        "| log | values | nnlab import | values/s | memory | reader of the tool | its time"
        " | its memory |",
        "| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
        *rows,
        "",
        f"The goal of {GOAL_VALUES_PER_SECOND:,} values a second is met for {met} of {len(speeds)}"
        " formats.",
        f"A CSV file that is four times as long needs {growth[1]:.0f} MB instead of"
        f" {growth[0]:.0f} MB.",
    ]
    return "\n".join(lines) + "\n"


def measure_section() -> str:
    """Measures all formats; returns the section of docs/performance.md."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        return section(measure(Path(folder)), measure_memory(Path(other)), date.today())


def write_section(text: str) -> None:
    """Replaces the section of docs/performance.md, or appends it."""
    page = PAGE.read_text()
    if _SECTION.search(page):
        page = _SECTION.sub(lambda _: text, page)
    else:
        page = page.rstrip("\n") + "\n\n" + text
    PAGE.write_text(page)


def _medians(results: list[tuple[float, float]]) -> tuple[float, float]:
    seconds, megabytes = zip(*results, strict=True)
    return statistics.median(seconds), statistics.median(megabytes)


def _in_process(task: str, name: str, folder: Path, values: int) -> tuple[float, float]:
    """Seconds and peak megabytes of a task in a process of its own."""
    command = [sys.executable, str(Path(__file__).resolve()), "--task", task, "--format", name]
    environment = os.environ | {
        "MLFLOW_ALLOW_FILE_STORE": "true", "DO_NOT_TRACK": "true", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    output = subprocess.run(
        [*command, "--folder", str(folder), "--values", str(values)],
        check=True, capture_output=True, text=True, env=environment,
    ).stdout  # fmt: skip
    seconds, megabytes = json.loads(output.splitlines()[-1])
    return seconds, megabytes


def _run_task(task: str, item: LogFormat, folder: Path, values: int) -> None:
    if task == "write":
        item.write(folder, values)
        print(json.dumps([0.0, 0.0]))
        return
    if task == "read":
        # Imports the packages, by reading nothing.
        with tempfile.TemporaryDirectory() as empty, suppress(Exception):
            item.read(Path(empty))
        begin = time.process_time()
        count = item.read(folder)
    else:
        begin, count = _import(folder)
    seconds = time.process_time() - begin
    if count != values:
        raise SystemExit(f"{item.name}: {count:,} of {values:,} values were read by {task}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, peak]))


def _import(folder: Path) -> tuple[float, int]:
    """Imports a log; returns when the work began, and the number of values."""
    from nnlab import store
    from nnlab.exchange.importing.options import ImportOptions
    from nnlab.exchange.importing.session import ImportProgress, ImportSession, find_all_runs

    with tempfile.TemporaryDirectory() as place:
        db = store.open_database(f"{place}/runs.db", write=True, create=True)
        begin = time.process_time()
        progress = ImportProgress(lambda _: None, lambda _: None, lambda: False)
        session = ImportSession(db, ImportOptions(), progress)
        reports = session.import_runs(find_all_runs([folder]))
        db.close()
    return begin, sum(report.values for report in reports)


def main() -> None:
    """Measures all formats, and writes the section of the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", choices=("write", "read", "import"))
    parser.add_argument("--format")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--values", type=int)
    arguments = parser.parse_args()
    if arguments.task:
        item = next(item for item in FORMATS if item.name == arguments.format)
        _run_task(arguments.task, item, arguments.folder, arguments.values)
        return
    text = measure_section()
    print(text)
    write_section(text)


if __name__ == "__main__":
    main()
