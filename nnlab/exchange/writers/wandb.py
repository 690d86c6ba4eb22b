"""The writer of W&B's offline runs, which `wandb sync` uploads."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from pathlib import Path

from nnlab.exchange.log_reader import JsonValue
from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.protobuf import bytes_field, int_field
from nnlab.exchange.wandb_offline.block_log import HEADER, frame_records
from nnlab.exchange.writers.history_rows import history_rows, steps_increase
from nnlab.records import Sample, Status
from nnlab.version import nnlab_version

# Fields of a Record: its number and one of these.
_HISTORY, _SUMMARY, _STATS, _METRIC, _RUN, _EXIT = 2, 3, 7, 12, 17, 18
_FINAL, _HEADER, _FOOTER = 20, 21, 22
# The oldest reader that understands the records.
_MINIMUM_VERSION = "0.12.0"
_STEP, _EPOCH, _SYSTEM = "step", "epoch", "system/"
_GOALS = {"min": 1, "max": 2}


class WandbWriter:
    """Writes a folder `offline-run-TIME-ID` per run: history, configuration, summary, tags.

    W&B's step must increase. It is the step of the samples if that increases; otherwise rows are
    numbered, and the steps are a metric `step` over which all metrics are shown.
    """

    kind = "wandb"
    writes_folder = True

    def write(
        self,
        runs: Sequence[ExportedRun],
        output: Path,
        destination: Path,  # noqa: ARG002  the files do not contain their location
    ) -> None:
        """Writes the folders of all runs."""
        for run in runs:
            started_at = run.details.started_at or run.run.created_at
            run_id = _run_id(run, started_at)
            folder = output / f"offline-run-{started_at:%Y%m%d_%H%M%S}-{run_id}"
            # `wandb sync` writes and uploads the files in this folder.
            (folder / "files").mkdir(parents=True)
            (folder / "files" / "wandb-summary.json").write_text("{}")
            with (folder / f"run-{run_id}.wandb").open("xb") as file:
                file.write(HEADER)
                for chunk in frame_records(_records(run, run_id, started_at), len(HEADER)):
                    file.write(chunk)


def _run_id(run: ExportedRun, started_at: datetime) -> str:
    """Eight letters and digits as W&B has them, the same whenever this run is exported."""
    identity = f"{run.study}|{run.run.trial.digest}|{run.run.id}|{started_at.isoformat()}"
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:8]


def _records(run: ExportedRun, run_id: str, started_at: datetime) -> Iterator[bytes]:
    contents = _contents(run, run_id, started_at)
    for number, (field, content) in enumerate(contents, 1):
        yield int_field(1, number) + bytes_field(field, content)


def _contents(run: ExportedRun, run_id: str, started_at: datetime) -> Iterator[tuple[int, bytes]]:
    """The field and content of each record, in the order in which W&B writes them."""
    versions = bytes_field(1, f"nnlab {nnlab_version()}") + bytes_field(2, _MINIMUM_VERSION)
    yield _HEADER, bytes_field(1, versions)
    yield _RUN, _run_record(run, run_id, started_at)
    has_own_steps = steps_increase(run)
    if not has_own_steps:
        yield _METRIC, bytes_field(1, _STEP)
        yield _METRIC, bytes_field(2, "*") + bytes_field(4, _STEP)
    for metric, direction in run.details.directions.items():
        yield _METRIC, bytes_field(1, metric) + int_field(8, _GOALS[direction])
    last: dict[str, JsonValue] = {}
    for number, row in enumerate(history_rows(run)):
        step = row.step if has_own_steps and row.step is not None else number
        values: dict[str, JsonValue] = {**row.values, "_step": step}
        if row.epoch is not None:
            values.setdefault(_EPOCH, row.epoch)
        if row.time is not None:
            runtime = row.time - started_at.timestamp()
            values |= {"_timestamp": row.time, "_runtime": runtime}
        if row.step is not None and not has_own_steps:
            values.setdefault(_STEP, row.step)
        last.update(values)
        items = b"".join(_item(1, key, value) for key, value in values.items())
        yield _HISTORY, items + bytes_field(2, int_field(1, step))
    for time, usage in groupby(_usage(run), key=lambda sample: sample.time):
        items = b"".join(_item(3, s.metric.removeprefix(_SYSTEM), s.value) for s in usage)
        yield _STATS, int_field(1, 0) + bytes_field(2, _timestamp(time or 0.0)) + items
    last |= run.details.results
    if last:
        yield _SUMMARY, b"".join(_item(1, key, value) for key, value in last.items())
    if run.details.status is not Status.RUNNING:
        is_failed = run.details.status in (Status.FAILED, Status.DIVERGED, Status.INTERRUPTED)
        yield _EXIT, int_field(1, int(is_failed))
        yield _FINAL, b""
        yield _FOOTER, b""


def _run_record(run: ExportedRun, run_id: str, started_at: datetime) -> bytes:
    details = run.details
    config = b"".join(_item(1, key, value) for key, value in details.config.items())
    if details.seed is not None and "seed" not in details.config:
        config += _item(1, "seed", details.seed)
    fields = [bytes_field(1, run_id), bytes_field(3, run.study), bytes_field(4, config)]
    if details.group:
        fields.append(bytes_field(6, details.group))
    fields.append(bytes_field(8, details.name or run.file_name))
    fields += [bytes_field(10, tag) for tag in details.tags]
    if details.host:
        fields.append(bytes_field(13, details.host))
    return b"".join([*fields, bytes_field(17, _timestamp(started_at.timestamp()))])


def _timestamp(time: float) -> bytes:
    seconds = math.floor(time)
    return int_field(1, seconds) + int_field(2, round((time - seconds) * 1e9))


def _usage(run: ExportedRun) -> Iterator[Sample]:
    """What the machine was doing, which W&B keeps apart from the history."""
    return (sample for _, sample in run.samples() if sample.metric.startswith(_SYSTEM))


def _item(field: int, key: str, value: JsonValue) -> bytes:
    """An item of the history, the summary or the configuration, with NaN as W&B writes it."""
    return bytes_field(field, bytes_field(1, key) + bytes_field(16, json.dumps(value)))
