"""The metrics `pair/...`: which runs are paired, where values are stored, and what is kept."""

from contextlib import closing
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab

from nnlab import store
from nnlab.analysis import interpolation
from nnlab.analysis.deciding_seeds import planned_power, planned_seeds, undecided_text
from nnlab.analysis.interpolation import measure_interpolation
from nnlab.analysis.pair_metrics import POINTS, store_pair_metrics
from nnlab.analysis.verdict import ComparisonResult, evaluate_claim
from nnlab.errors import UsageError
from nnlab.records import Comparison, Run, Study
from nnlab.stats.claim_power import Region, claim_power
from nnlab.stats.claims import assess_claim

STUDY = """
question = "Are solutions far apart?"
claim = "They are."
data = "iris"
width = 8
depth = 1
epochs = 2
seeds = "10..14:5"

[[arm]]
name = "low"
lr = 0.003

[[arm]]
name = "high"
lr = 0.01

[[decide]]
says = "far apart"
metric = "pair/distance"
arm = "low"
above = 0.5
"""


def train(nnlab: Nnlab, folder: Path, *options: str, text: str = STUDY) -> None:
    (folder / "far.toml").write_text(text)
    nnlab("init-study", "far", "--config", "far.toml")
    nnlab("train", "--study", "far", "-q", *options)


def values(metric: str, study: str = "far") -> dict[tuple[object, int], float]:
    """The stored values of a metric by learning rate and seed."""
    with closing(store.open_database("runs.db", write=False)) as db:
        runs = runs_of(db, study)
        histories = store.histories(db, [run.id for run in runs], [metric])
        return {
            (run.trial.setting["lr"], run.known_seed): curve.values[-1]
            for run in runs
            if (curve := histories[run.id].get(metric))
        }


def study_of(db: store.Database, name: str = "far") -> Study:
    return next(study for study in store.all_studies(db) if study.name == name)


def runs_of(db: store.Database, study: str = "far") -> tuple[Run, ...]:
    return tuple(store.runs(db, study=study_of(db, study).id, current_only=True))


def test_disjoint_neighbours_of_each_trial_are_measured_and_read_by_the_verdict(
    nnlab: Nnlab, folder: Path
) -> None:
    train(nnlab, folder, "--no-keep-models")
    distances = values("pair/distance")
    # Seed 14 has no partner.
    assert set(distances) == {(lr, seed) for lr in (0.003, 0.01) for seed in (10, 12)}
    assert set(values("pair/barrier")) == set(values("pair/barrier_aligned")) == set(distances)
    aligned = values("pair/distance_aligned")
    assert all(0 < aligned[key] <= distances[key] < 2 for key in distances)
    with closing(store.open_database("runs.db", write=False)) as db:
        by_seed = {(run.trial.setting["lr"], run.known_seed): run.id for run in runs_of(db)}
        partners = values("pair/run")
        assert partners[0.003, 10] == by_seed[0.003, 11]
        verdict = evaluate_claim(db, study_of(db))
        assert verdict is not None
        (result,) = verdict.results
        assert result.test.mean == pytest.approx((distances[0.003, 10] + distances[0.003, 12]) / 2)
        assert (result.test.n, result.missing) == (2, 0)
    nnlab("db", "check")


def test_values_are_those_of_the_stored_weights(nnlab: Nnlab, folder: Path) -> None:
    train(nnlab, folder)
    with closing(store.open_database("runs.db", write=False)) as db:
        by_seed = {(run.trial.setting["lr"], run.known_seed): run for run in runs_of(db)}
        first, second = by_seed[0.01, 12], by_seed[0.01, 13]
        measured = measure_interpolation(db, first, second, points=POINTS)
        losses = store.history(db, first.id)
    assert measured.aligned is not None
    assert values("pair/barrier")[0.01, 12] == measured.raw.barrier()
    assert values("pair/barrier_aligned")[0.01, 12] == measured.aligned.barrier()
    # At the end of the line the network is the selected one of the run.
    stored = dict(losses["val/loss"])[first.selected_epoch or 0]
    assert measured.raw.metrics["val/loss"][0] == pytest.approx(stored)
    assert measured.aligned.metrics["val/loss"][-1] == pytest.approx(
        measured.raw.metrics["val/loss"][-1], rel=1e-5
    )


def test_an_interrupted_measurement_is_continued_by_the_same_command(
    nnlab: Nnlab, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured: list[int] = []

    def measure(db: store.Database, first: Run, second: Run, **options: object) -> object:
        if len(measured) == 1:
            raise KeyboardInterrupt
        measured.append(first.id)
        return measure_interpolation(db, first, second, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(interpolation, "measure_interpolation", measure)
    (folder / "far.toml").write_text(STUDY)
    nnlab("init-study", "far", "--config", "far.toml")
    nnlab("train", "--study", "far", "-q", "--no-keep-models", expect=130)
    assert len(values("pair/distance")) == 1
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    nnlab("train", "--study", "far", "-q", "--no-keep-models")
    assert len(values("pair/distance")) == 4


def test_pairs_follow_added_seeds(nnlab: Nnlab, folder: Path) -> None:
    """With seed 9 the pairs are 9-10, 11-12 and 13-14: no run may be in two of them."""
    train(nnlab, folder)
    nnlab("train", "--study", "far", "--seed", "9", "--extend", "-q")
    assert {seed for _, seed in values("pair/distance")} == {9, 11, 13}
    nnlab("db", "check")


def test_a_repeated_run_is_measured_again(nnlab: Nnlab, folder: Path) -> None:
    train(nnlab, folder)
    before = values("pair/run")
    nnlab("train", "--study", "far", "--again", "-q")
    after = values("pair/run")
    assert set(after) == set(before)
    assert not set(after.values()) & set(before.values())


def test_a_study_without_such_a_comparison_keeps_no_weights(nnlab: Nnlab, folder: Path) -> None:
    text = STUDY.replace("pair/distance", "train/loss")
    train(nnlab, folder, "--no-keep-models", text=text)
    assert values("pair/distance") == {}
    assert not list(folder.rglob("model.pt"))


def test_a_pair_without_weights_is_reported(nnlab: Nnlab, folder: Path) -> None:
    train(nnlab, folder)
    with closing(store.open_database("runs.db", write=True)) as db:
        for run in runs_of(db):
            store.remove_evaluation(db, run, ["pair/run"])
        for file in folder.rglob("*.safetensors"):
            file.unlink()
        for file in folder.rglob("model*.pt"):
            file.unlink()
        report = store_pair_metrics(db, study_of(db))
    assert report.measured == 0
    assert len(report.problems) == 4


def test_units_that_cannot_be_matched_have_no_aligned_values(nnlab: Nnlab, folder: Path) -> None:
    train(nnlab, folder, text=STUDY.replace("depth = 1", 'depth = 1\nactivation = "maxout"'))
    assert len(values("pair/barrier")) == 4
    assert values("pair/barrier_aligned") == {}


def test_runs_of_different_architectures_have_no_line(nnlab: Nnlab) -> None:
    nnlab("train", *QUICK, "-q")
    nnlab("train", *QUICK, "--width", "9", "-q")
    nnlab("train", "--data", "wine", "--width", "8", "--depth", "1", "--epochs", "1", "-q")
    with closing(store.open_database("runs.db", write=False)) as db:
        first, wider, wine = store.runs(db, run_ids=[1, 2, 3])
        with pytest.raises(UsageError, match="different architectures"):
            measure_interpolation(db, first, wider, points=3)
        with pytest.raises(UsageError, match="trained on iris and run 3 on wine"):
            measure_interpolation(db, first, wine, points=3)


def test_the_line_from_a_run_to_itself_is_flat(nnlab: Nnlab) -> None:
    """Also with batch normalisation, whose statistics are computed anew at each position."""
    nnlab("train", *QUICK, "--norm", "batch", "-q")
    with closing(store.open_database("runs.db", write=False)) as db:
        (run,) = store.runs(db, run_ids=[1])
        measured = measure_interpolation(db, run, run, points=5)
    assert measured.aligned is not None
    for line in (measured.raw, measured.aligned):
        assert line.distance == 0.0
        assert line.barrier() == pytest.approx(0.0, abs=1e-6)
        assert len(set(line.metrics["val/accuracy"])) == 1


def test_power_counts_pairs() -> None:
    """Fourteen seeds are seven pairs; what is missing is said in pairs too."""
    comparison = Comparison(
        "far", "pair/distance", "selected", "difference", ("low",), 0.5, None,
        expected=0.52, expected_from="a guess", pilot_sd=0.014,
    )  # fmt: skip
    assert planned_power(comparison, 16) == claim_power(8, 0.52, 0.014, Region(0.5, None))
    needed = planned_seeds(comparison)
    assert needed is not None
    assert needed % 2 == 0
    result = ComparisonResult(comparison, assess_claim([0.6, 0.7], above=0.5), (0.65,), 0, 0.07)
    assert "at least 5 pairs with a number are needed, and 2 of 2" in undecided_text(result)
