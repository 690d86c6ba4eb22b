"""32 processes write to one SQLite file: no write fails, and nothing is lost."""

from pathlib import Path

import concurrent_writers
import pytest

from nnlab import store
from nnlab.records import Status

WRITERS = 32


@pytest.mark.parametrize("seconds", [6, pytest.param(60, marks=pytest.mark.slow)])
def test_a_crowd_of_writers(tmp_path: Path, seconds: float) -> None:
    path = tmp_path / "runs.db"
    run_ids = concurrent_writers.create_queued_runs(path, WRITERS)
    processes = concurrent_writers.start_writers(path, run_ids, seconds)
    for process in processes:
        process.join(seconds + 60)
    assert [process.exitcode for process in processes] == [0] * WRITERS
    db = store.open_database(str(path), write=False)
    runs = store.runs(db)
    assert {run.status for run in runs} == {Status.FINISHED}
    for run in runs:
        assert run.reason == f"wrote {run.epochs}"
        history = store.history(db, run.id)
        for metric in concurrent_writers.METRICS:
            values = dict(history[metric])
            assert values == {number: 1.0 / number for number in range(1, run.epochs + 1)}
    assert min(run.epochs for run in runs) > 0
    assert store.find_problems(db) == []
    db.close()
