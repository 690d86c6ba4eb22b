"""The writer of MLflow's file store, a folder `mlruns`.

All versions of MLflow understand it, the newer ones only with MLFLOW_ALLOW_FILE_STORE=true, or
after `mlflow migrate-filestore`. Unlike MLflow's database, it keeps infinities and repeated values.
"""

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from nnlab.exchange.log_writer import ExportedRun
from nnlab.exchange.writers.flat_setting import flat_setting
from nnlab.exchange.writers.history_rows import has_own_epochs
from nnlab.exchange.writers.mlflow_names import MlflowNames
from nnlab.records import Sample, Status
from nnlab.version import nnlab_version

_STATUS_NUMBERS = {
    Status.QUEUED: 2, Status.RUNNING: 1, Status.FINISHED: 3, Status.FAILED: 4,
    Status.DIVERGED: 4, Status.INTERRUPTED: 5,
}  # fmt: skip
# The limits of MLflow.
_MAX_PARAM, _MAX_TAG = 6000, 5000
# So many lines of metrics are kept in memory.
_MAX_LINES = 20_000
_EPOCH = "epoch"


class MlflowWriter:
    """Writes an experiment per study, and its runs with parameters, tags and metrics.

    Epochs of samples that have a step are the metric `epoch`. Characters that MLflow does not allow
    in a name are replaced by `_`. Final values and findings are tags.
    """

    kind = "mlflow"
    writes_folder = True

    def write(self, runs: Sequence[ExportedRun], output: Path, destination: Path) -> None:
        """Writes the folders of all experiments and runs."""
        for run in runs:
            experiment = _experiment_id(run.study)
            folder = output / experiment
            if not folder.exists():
                _write_experiment(folder, experiment, run, destination)
            _write_run(folder, experiment, run, destination)


def _experiment_id(study: str) -> str:
    """The id of the experiment of a study: 18 digits, as MLflow makes them."""
    digest = hashlib.sha256(study.encode("utf-8", "replace")).hexdigest()
    return str(10**17 + int(digest[:16], 16) % (9 * 10**17))


def _run_id(run: ExportedRun) -> str:
    """The id of a run, the same whenever it is exported."""
    identity = f"{run.study}|{run.run.trial.digest}|{run.run.id}|{run.run.created_at.isoformat()}"
    return hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:32]


def _write_experiment(folder: Path, experiment: str, run: ExportedRun, destination: Path) -> None:
    folder.mkdir(parents=True)
    created_at = _milliseconds(run.run.created_at)
    _write_yaml(
        folder / "meta.yaml",
        {
            "artifact_location": (destination / experiment).as_uri(),
            "creation_time": created_at,
            "experiment_id": experiment,
            "last_update_time": created_at,
            "lifecycle_stage": "active",
            "name": run.study,
        },
    )


def _write_run(folder: Path, experiment: str, run: ExportedRun, destination: Path) -> None:
    run_id, details = _run_id(run), run.details
    run_folder = folder / run_id
    for name in ("artifacts", "metrics", "params", "tags"):
        (run_folder / name).mkdir(parents=True)
    started_at = details.started_at or run.run.created_at
    _write_yaml(
        run_folder / "meta.yaml",
        {
            "artifact_uri": (destination / experiment / run_id / "artifacts").as_uri(),
            "end_time": _milliseconds(details.ended_at) if details.ended_at else None,
            "entry_point_name": "",
            "experiment_id": experiment,
            "lifecycle_stage": "active",
            "run_id": run_id,
            "run_name": details.name or run.file_name,
            "run_uuid": run_id,
            "source_name": "",
            "source_type": 4,
            "source_version": "",
            "start_time": _milliseconds(started_at),
            "status": _STATUS_NUMBERS[details.status],
            "tags": [],
            "user_id": "",
        },
    )
    params = flat_setting(details.config)
    if details.seed is not None:
        params.setdefault("seed", str(details.seed))
    _write_texts(run_folder / "params", params, _MAX_PARAM)
    _write_texts(run_folder / "tags", _tags(run), _MAX_TAG)
    _write_metrics(run_folder / "metrics", run, started_at)


def _tags(run: ExportedRun) -> dict[str, str]:
    details = run.details
    tags = {
        "mlflow.runName": details.name or run.file_name,
        "mlflow.source.type": "LOCAL",
        "nnlab.run": str(run.run.id),
        "nnlab.status": str(details.status),
        "nnlab.version": nnlab_version(),
    }
    if details.command:
        tags["mlflow.source.name"] = details.command
    if details.group:
        tags["nnlab.group"] = details.group
    if run.run.reason:
        tags["nnlab.reason"] = run.run.reason
    for tag in details.tags:
        name, equals, value = tag.partition("=")
        tags[name or tag] = value if equals else "true"
    for name, result in details.results.items():
        tags[f"nnlab.result.{name}"] = result if isinstance(result, str) else json.dumps(result)
    for finding in run.findings:
        tags[f"nnlab.finding.{finding.code}"] = finding.message
    return tags


def _write_yaml(path: Path, values: Mapping[str, object]) -> None:
    """Scalars as YAML: those of JSON are a part of it."""
    lines = (f"{name}: {json.dumps(value)}\n" for name, value in values.items())
    path.write_text("".join(lines), encoding="utf-8")


def _write_texts(folder: Path, texts: Mapping[str, str], limit: int) -> None:
    names = MlflowNames(texts)
    for name, text in texts.items():
        path = folder / names[name]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text[:limit].encode("utf-8", "replace"))


def _write_metrics(folder: Path, run: ExportedRun, started_at: datetime) -> None:
    """Appends the lines of each metric to its file."""
    metrics = dict.fromkeys(sample.metric for _, sample in run.samples())
    names = MlflowNames([*metrics, _EPOCH])
    lines: dict[str, list[str]] = defaultdict(list)
    adds_epochs = _EPOCH not in metrics and has_own_epochs(run)
    samples = _with_epochs(run) if adds_epochs else run.samples()
    for count, (seq, sample) in enumerate(samples, 1):
        step = sample.step
        if step is None:
            is_whole = sample.epoch is not None and sample.epoch.is_integer()
            step = int(sample.epoch) if is_whole and sample.epoch is not None else seq
        time = started_at.timestamp() if sample.time is None else sample.time
        lines[names[sample.metric]].append(f"{round(time * 1000)} {sample.value!r} {step}\n")
        if count % _MAX_LINES == 0:
            _append(folder, lines)
    _append(folder, lines)


def _with_epochs(run: ExportedRun) -> Iterator[tuple[int, Sample]]:
    """The samples, and one more per step with its epoch as the value."""
    last: tuple[int, float] | None = None
    for seq, sample in run.samples():
        if sample.step is not None and sample.epoch is not None:
            if (sample.step, sample.epoch) != last:
                yield seq, sample._replace(metric=_EPOCH, value=sample.epoch)
            last = sample.step, sample.epoch
        yield seq, sample


def _append(folder: Path, lines: dict[str, list[str]]) -> None:
    for name, of_metric in lines.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="ascii", newline="") as file:
            file.writelines(of_metric)
    lines.clear()


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
