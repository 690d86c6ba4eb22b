"""Notes on arms that are tuned unequally or at the edge of a grid, and on seeds of the pilot."""

from collections.abc import Sequence
from datetime import UTC, datetime

from nnlab.analysis.fairness import fairness_notes
from nnlab.analysis.verdict import ComparisonResult, StudyVerdict, TunedArm
from nnlab.records import Comparison, Pilot, Run, Scalar, Status, Study, Trial
from nnlab.stats.claims import ClaimTest, Verdict

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def run_of(setting: dict[str, Scalar]) -> Run:
    return Run(
        id=1, trial=Trial(1, "s", setting, str(setting)), seed=0, repeat=0, current=True,
        status=Status.FINISHED, name=None, tags=(), epochs=1, epochs_planned=1, selected_epoch=1,
        data_fingerprint=None, parent_id=None, reason=None, wall_seconds=None, device_seconds=None,
        created_at=NOW, started_at=None, ended_at=None,
    )  # fmt: skip


def arm(name: str, field: str, values: Sequence[float], best: int) -> TunedArm:
    settings: list[dict[str, Scalar]] = [{"opt": "sgd", field: value} for value in values]
    trials = tuple({0: run_of(setting)} for setting in settings)
    return TunedArm(name, len(values), settings[best], "", trials[best], trials)


def notes(
    *arms: TunedArm, seeds: Sequence[int] = (100, 101), scale: str = "difference"
) -> list[str]:
    names = tuple(each.arm for each in arms)
    comparison = Comparison("x", "val/loss", "last", scale, names, 0.0, None)  # type: ignore[arg-type]
    test = ClaimTest(Verdict.SUPPORTED, 8, 1.0, 0.5, 1.5, 0.01)
    results = (ComparisonResult(comparison, test, (), 0),)
    study = Study(1, "s", "?", None, {}, tuple(seeds), NOW, pilot=Pilot((0, 1)))
    by_name = {each.arm: each for each in arms}
    return list(fairness_notes(study, StudyVerdict(Verdict.SUPPORTED, results, by_name, 0)))


INNER = arm("inner", "lr", [0.01, 0.1, 1.0], 1)


def test_a_fair_study_has_no_notes() -> None:
    assert notes(INNER, arm("other", "lr", [0.1, 0.3, 1.0], 1)) == []


def test_a_best_value_at_the_edge_is_named() -> None:
    assert notes(INNER, arm("edge", "lr", [0.01, 0.1, 1.0], 2)) == [
        "edge: the best lr 1 is at the edge of the values tried (0.01 to 1)"
    ]
    two = arm("two", "lr", [0.01, 0.1], 0)
    assert notes(two, two) == [
        "two: the best lr 0.01 is at the edge of the values tried (0.01 to 0.1)"
    ]


def test_a_limit_of_the_field_is_no_edge() -> None:
    dropout = arm("dropout", "dropout", [0.0, 0.2, 0.5], 0)
    assert notes(INNER, dropout) == []


def test_arms_with_different_numbers_of_trials_are_named() -> None:
    assert notes(INNER, arm("plain", "lr", [0.1], 0)) == [
        "compared arms are not tuned equally: inner over 3 trials and plain over 1 trial"
    ]


def test_a_rank_correlation_tunes_nothing() -> None:
    assert notes(arm("edge", "lr", [0.01, 0.1, 1.0], 2), scale="correlation") == []


def test_seeds_of_the_pilot_are_named() -> None:
    assert notes(INNER, INNER, seeds=(1, 2, 100)) == [
        "the study was designed on 1 seed of the verdict (1)"
    ]
