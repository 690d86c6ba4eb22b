"""NN501 on the seeds of a trial: failures, separate groups, and seeds that agree."""

from collections.abc import Sequence

import pytest

from nnlab.diagnosis import SeedsDisagree
from nnlab.records import Curve, Finding, History, Severity


def run(
    values: Sequence[float], metric: str = "val/accuracy", error: str = ""
) -> tuple[History, tuple[Finding, ...]]:
    curve = Curve(metric, tuple(range(1, len(values) + 1)), tuple(values))
    errors = (Finding(error, "", Severity.ERROR, 0.9, 1, "", "", {}),) if error else ()
    return History({metric: curve}), errors


def disagreement(
    runs: Sequence[tuple[History, tuple[Finding, ...]]], objective: str = "val/accuracy:max"
) -> Finding | None:
    return SeedsDisagree().check_seeds(runs, objective)


@pytest.mark.parametrize(
    "seeds",
    [
        [[0.90], [0.91], [0.93]],
        [[0.910, 0.926], [0.915, 0.928], [0.912, 0.936]],
        [[0.91, 0.92, 0.926], [0.92, 0.925, 0.924], [0.912, 0.93, 0.935]],
    ],
    ids=["one epoch", "two epochs", "three epochs"],
)
def test_seeds_of_a_fine_tuned_model_agree(seeds: Sequence[Sequence[float]]) -> None:
    assert disagreement([run(values) for values in seeds]) is None
    losses = [run([1.2 - value for value in values], "val/loss") for values in seeds]
    assert disagreement(losses, "val/loss:min") is None


def test_seeds_of_one_epoch_that_are_far_apart_disagree() -> None:
    finding = disagreement([run([value]) for value in (0.34, 0.91, 0.92)])
    assert finding is not None
    assert (finding.evidence["lowest"], finding.evidence["highest"]) == (0.34, 0.92)


def test_a_failure_is_one_of_training() -> None:
    good = run([0.4, 0.7, 0.9])
    finding = disagreement([good, good, run([0.1, 0.1, 0.1], error="NN106")])
    assert finding is not None
    assert finding.message.startswith("1 of 3 seeds diverged or did not learn")
    assert disagreement([good, good, run([0.4, 0.7, 0.9], error="NN404")]) is None
