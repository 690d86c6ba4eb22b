"""What claims change in the training of their runs."""

from datetime import UTC, datetime

import pytest

from nnlab.records import Comparison, Study
from nnlab.study.claim_requirements import execution_for_claim
from nnlab.workers.executor import ExecutionOptions
from nnlab.workers.save_policy import SavePolicy

OPTIONS = ExecutionOptions(save_policy=SavePolicy(models=False))


def study(metric: str, at: str = "selected") -> Study:
    comparison = Comparison("says", metric, at, "difference", ("a", "b"), 0.0, None)
    created = datetime(2024, 1, 1, tzinfo=UTC)
    return Study(1, "s", "?", None, {}, (0,), created, comparisons=(comparison,))


@pytest.mark.parametrize(
    ("metric", "at", "engine", "models"),
    [
        ("val/loss", "selected", "auto", False),
        ("val/loss", "epochs to 0.2", "auto", False),
        ("cost/state_bytes", "last", "auto", False),
        ("val/loss", "seconds 0.5", "solo", False),
        ("val/loss", "seconds to 0.2", "solo", False),
        ("time/epoch", "total", "solo", False),
        ("val/accuracy / energy/joules", "last", "solo", False),
        ("pair/barrier", "selected", "auto", True),
        ("pair/barrier - pair/barrier_aligned", "selected", "auto", True),
    ],
)
def test_seconds_need_runs_trained_one_by_one_and_pairs_need_weights(
    metric: str, at: str, engine: str, models: bool
) -> None:
    execution = execution_for_claim(OPTIONS, study(metric, at))
    assert (execution.engine, execution.save_policy.models) == (engine, models)


def test_an_explicit_engine_is_kept() -> None:
    options = ExecutionOptions(engine="stacked")
    assert execution_for_claim(options, study("time/epoch")).engine == "stacked"
