"""Runs the scripts in tests/assets/tracker_scripts, and reads what nnlab has recorded."""

import os
import runpy
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from nnlab import store
from nnlab.records import Run, Sample

SCRIPTS = Path(__file__).parent / "assets/tracker_scripts"
# The other trackers stay on this machine, and nothing is downloaded.
OFFLINE = {
    "WANDB_MODE": "offline", "WANDB_SILENT": "true", "HF_HUB_OFFLINE": "1", "MPLBACKEND": "agg",
    "MLFLOW_TELEMETRY_DISABLED": "1", "DO_NOT_TRACK": "1", "KERAS_BACKEND": "torch",
    "OMP_NUM_THREADS": "1", "TRACKIO_DIR": "trackio", "GRADIO_ANALYTICS_ENABLED": "False",
}  # fmt: skip


def changed_script(name: str, replacements: Mapping[str, str], folder: Path) -> Path:
    """A copy of a script in which each of the texts, which must occur, is replaced."""
    text = (SCRIPTS / name).read_text()
    for old, new in replacements.items():
        assert old in text, f"{name} does not contain {old}"
        text = text.replace(old, new)
    path = folder / name
    path.write_text(text)
    return path


def run_here(script: Path) -> None:
    """Runs a script as the main program of this process, which imports less than another one."""
    runpy.run_path(str(script), run_name="__main__")


def run_process(script: Path, folder: Path, *arguments: str, **variables: str) -> str:
    """Runs a script in a process of its own and expects success; returns its standard error."""
    done = subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=folder,
        env={**os.environ, **OFFLINE, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def recorded_runs(db: Path) -> list[Run]:
    """All runs in a database, the oldest first."""
    database = store.open_database(str(db), write=False)
    try:
        return sorted(store.runs(database), key=lambda run: run.id)
    finally:
        database.close()


def recorded_samples(db: Path, run_id: int = 1) -> dict[str, list[Sample]]:
    """The samples of a run by metric, in the order in which they were logged."""
    database = store.open_database(str(db), write=False)
    by_metric: dict[str, list[Sample]] = {}
    try:
        for _, sample in store.samples(database, run_id):
            by_metric.setdefault(sample.metric, []).append(sample)
    finally:
        database.close()
    return by_metric


def recorded_values(db: Path, run_id: int = 1) -> dict[str, list[tuple[int | None, float]]]:
    """The steps and values of a run by metric."""
    samples = recorded_samples(db, run_id)
    return {
        metric: [(sample.step, sample.value) for sample in of_metric]
        for metric, of_metric in samples.items()
        if not metric.startswith("system/")
    }


def recorded_files(db: Path, run_id: int = 1) -> set[str]:
    """The names of the files of a run."""
    database = store.open_database(str(db), write=False)
    try:
        return {artifact.kind for artifact in store.artifacts(database, run_id)}
    finally:
        database.close()
