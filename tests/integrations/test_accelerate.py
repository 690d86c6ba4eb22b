"""The Accelerate tracker: what `accelerator.log` gets."""

from pathlib import Path

import pytest
from recorded_runs import (
    changed_script,
    recorded_runs,
    recorded_samples,
    recorded_values,
    run_here,
    run_process,
)
from tracker_adapters import adapted_script

from nnlab.records import Status

pytest.importorskip("accelerate", reason="accelerate is in the extra `test`")
pytestmark = pytest.mark.filterwarnings("ignore")  # of accelerate

TRACKER = adapted_script("accelerate_loop.py").lines


def test_a_loop_stores_what_the_tensorboard_tracker_stores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is in the extra `test`")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.chdir(tmp_path)
    run_here(changed_script("accelerate_loop.py", TRACKER, tmp_path))
    run_process(changed_script("accelerate_loop.py", {}, tmp_path), tmp_path)
    events = EventAccumulator(str(tmp_path / "logs/regression"))
    events.Reload()
    stored = recorded_values(tmp_path / "runs.db")
    for metric in ("train_loss", "val_loss"):
        expected = [(event.step, event.value) for event in events.Scalars(metric)]
        assert [step for step, _ in stored[metric]] == [step for step, _ in expected], metric
        numbers = [value for _, value in stored[metric]]
        assert numbers == pytest.approx([value for _, value in expected], rel=1e-6), metric
    (run,) = recorded_runs(tmp_path / "runs.db")
    assert run.trial.setting == {"lr": 0.05, "batch_size": 8, "layers": "4,1"}
    assert (run.trial.study, run.status, run.seed) == ("r", Status.FINISHED, 0)
    samples = recorded_samples(tmp_path / "runs.db")
    assert [item.epoch for item in samples["val_loss"]] == [1, 2, 3]
