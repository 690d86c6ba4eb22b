"""Settings of other programs: their names are not nnlab's fields, whatever they are called."""

from pathlib import Path

import pytest
from external_runs import FIELD_NAMES, add_run, step_calls

from nnlab import store
from nnlab.analysis.comparable import comparable_groups
from nnlab.analysis.external_data import data_of
from nnlab.analysis.objectives import default_objective, resolve_direction
from nnlab.analysis.ranking import rank
from nnlab.analysis.scope import Scope
from nnlab.errors import MissingField, UsageError
from nnlab.figures.draw.display_names import setting_name, trial_name
from nnlab.objective import direction_of
from nnlab.records import Objective, Origin, Sample
from nnlab.settings import (
    ExternalName,
    ExternalSetting,
    builtin_fields,
    digest_of,
    is_builtin_setting,
    metric_directions,
)
from nnlab.settings.setting_differences import (
    differing_fields,
    distinguishing_fields,
    setting_label,
)
from nnlab.stats.comparison import is_seed


@pytest.fixture
def db(tmp_path: Path) -> store.Database:
    return store.open_database(str(tmp_path / "runs.db"), write=True, create=True)


def test_every_value_of_an_external_setting_is_in_its_digest() -> None:
    digests = {
        digest_of(ExternalSetting(values))
        for values in ({}, {"l1": 0.0}, {"loader_workers": 4}, {"a": None}, {"lr": 0.1})
    }
    assert len(digests) == 5
    assert digest_of({"lr": 0.1, "l1": 0.0}) == digest_of({"lr": 0.1})


def test_the_store_marks_external_settings(db: store.Database) -> None:
    run_id = add_run(db, "s", {"loss": 3.5, "data": "x", "metrics": 7}, step_calls(1))
    (run,) = store.runs(db, run_ids=[run_id])
    (trial,) = store.trials(db, [run.trial.id]).values()
    for setting in (run.trial.setting, trial.setting):
        assert not is_builtin_setting(setting)
        assert dict(builtin_fields(setting)) == {}
        assert metric_directions(setting) == {}
        with pytest.raises(MissingField, match="the setting of another program"):
            setting["objective"]
    assert store.find_problems(db) == []


def test_field_names_of_nnlab_do_not_confuse_differences() -> None:
    first = ExternalSetting(FIELD_NAMES)
    second = ExternalSetting({**FIELD_NAMES, "data": "other", "plugin_versions": 4})
    assert distinguishing_fields([first, second]) == ("data", "plugin_versions")
    assert all(isinstance(name, ExternalName) for name in differing_fields([first, second]))
    assert distinguishing_fields([{"opt": "sgd", "lr": 0.1}, {"opt": "adam", "lr": 0.001}]) == (
        "opt",
    )


def test_the_version_of_a_script_is_no_choice() -> None:
    settings = [ExternalSetting(lr=0.1, script_version=version) for version in ("a1", "b2")]
    assert distinguishing_fields(settings) == ()


def test_display_names_are_those_of_nnlab_only_for_its_own_fields() -> None:
    assert setting_name("lr") == "Learning rate"
    assert setting_name(ExternalName("lr")) == "lr"
    external = ExternalSetting(opt="adam", batch_size=8)
    assert trial_name(external, ["opt", "batch_size"]) == "opt adam, batch_size 8"
    assert trial_name({"opt": "adam", "batch_size": 8}, ["opt", "batch_size"]) == (
        "Adam, batch size 8"
    )


def test_long_values_and_line_breaks_fit_into_a_label() -> None:
    setting = ExternalSetting(prompt="a\nb", names="x" * 100)
    assert setting_label(setting, ["prompt", "names"]) == f"prompt=a\\nb names={'x' * 57}..."


@pytest.mark.parametrize(
    ("setting", "data"),
    [
        ({"dataset": "wiki"}, "wiki"), ({"data": "cifar"}, "cifar"), ({"data": 3}, None),
        ({"data.name": "x", "lr": 1}, "x"), ({"Dataset-Name": "y"}, "y"), ({"lr": 1}, None),
        ({"dataset": "a", "data": "b"}, "a"), ({"data_dir": "/mnt/a"}, None),
    ],
)  # fmt: skip
def test_the_data_of_an_external_setting(setting: dict[str, object], data: str | None) -> None:
    assert data_of(ExternalSetting(setting)) == data  # type: ignore[arg-type]


def test_groups_by_data_name_or_study(db: store.Database) -> None:
    for study, setting in (
        ("a", {"dataset": "wiki", "lr": 0.1}), ("b", {"data": "wiki", "lr": 0.2}),
        ("b", {"lr": 0.3}), ("c", {"lr": 0.4}), ("c", {"lr": 0.5, "loss": "focal"}),
    ):  # fmt: skip
        add_run(db, study, setting, step_calls(1), objective="val/loss")
    groups = {g.heading: len(g.scope.runs or ()) for g in comparable_groups(db, Scope("all"))}
    assert groups == {"wiki": 2, "study b": 1, "study c": 2}


def test_the_objective_of_external_runs_is_that_of_their_study(db: store.Database) -> None:
    add_run(db, "a", {"dataset": "wiki"}, step_calls(1))
    assert store.count_objectives(db) == {}
    add_run(db, "b", {}, step_calls(1), objective="val/loss")
    assert store.count_objectives(db) == {"val/loss:min": 1}


def test_the_default_objective_is_the_most_telling_metric() -> None:
    names = ["train/loss", "val/accuracy", "val/loss", "lr", "time/epoch", "val/gini"]
    assert default_objective(names, {}) == Objective("val/loss", "min")
    assert default_objective(names, {"val/loss": "none"}) == Objective("val/accuracy", "max")
    assert default_objective(["train/loss", "val/gini"], {}) == Objective("train/loss", "min")
    assert default_objective(["val/gini"], {"val/gini": "max"}) == Objective("val/gini", "max")
    assert default_objective(["reward", "lr"], {}) == Objective("reward", "max")
    assert default_objective(["lr", "x"], {}) is None
    # Names that a program has chosen.
    assert default_objective(["train_loss", "val_acc"], {}) == Objective("val_acc", "max")
    names = ["Accuracy/valid", "test_loss", "train_loss", "validation_loss"]
    assert default_objective(names, {}) == Objective("validation_loss", "min")


def test_the_directions_that_users_define_come_first() -> None:
    assert resolve_direction("val/loss", {"val/loss": "max"}) == "max"
    assert resolve_direction("val/loss", {"val/loss": "none"}) is None
    assert resolve_direction("val/gini", {}, {"val/gini": "min"}) == "min"
    assert resolve_direction("val/gini", {}) is None


@pytest.mark.parametrize(
    ("names", "direction"),
    [
        ("acc f1 auc auroc bleu rouge rouge1 rougeL miou dice r2 reward eval_rougeLsum", "max"),
        ("test.acc metrics/mAP50(B) metrics/mAP50-95(B) rollout/ep_rew_mean Accuracy/val", "max"),
        ("loss error perplexity wer mse mae train_loss_step Loss/train val_loss_epoch", "min"),
        ("val/box_loss eval_logloss bits_per_byte", "min"),
    ],
)
def test_directions_of_usual_names(names: str, direction: str) -> None:
    assert {direction_of(name) for name in names.split()} == {direction}


@pytest.mark.parametrize("name", ["lr", "epoch", "gini", "score", "kl", "val/0.5", "loss_scale"])
def test_other_names_have_no_direction(name: str) -> None:
    assert direction_of(name) is None


def test_runs_with_unknown_seeds_do_not_hide_each_other(db: store.Database) -> None:
    for offset in range(5):
        add_run(db, "s", {"lr": 0.1}, step_calls(1, seed=offset), objective="val/loss")
        add_run(db, "s", {"lr": 0.2}, step_calls(3, seed=offset))
    ranking = rank(db, Scope("s", objective=Objective.parse("val/loss")))
    assert [row.seeds for row in ranking.rows] == [(None,) * 5] * 2
    assert not any(map(is_seed, ranking.rows[0].seed_keys))
    comparison = ranking.rows[1].comparison
    assert comparison is not None
    assert (comparison.paired, comparison.n, comparison.is_significant) == (False, 5, True)
    assert any("Welch's t test" in note for note in ranking.notes)


def test_one_unknown_seed_makes_a_row_unpaired(db: store.Database) -> None:
    for seed in (0, 1, 2, None):
        add_run(db, "s", {"lr": 0.1}, step_calls(1, seed=seed or 9), seed=seed)
    for seed in (0, 1, 2, 3):
        add_run(db, "s", {"lr": 0.2}, step_calls(3, seed=seed), seed=seed)
    ranking = rank(db, Scope("s", objective=Objective.parse("val/loss")))
    comparison = ranking.rows[1].comparison
    assert comparison is not None
    assert not comparison.paired


def test_a_huge_step_and_an_infinite_epoch_are_stored(db: store.Database) -> None:
    calls = [
        [Sample("val/loss", 1.0, step=2**70)],
        [Sample("val/loss", 2.0, epoch=float("inf"))],
    ]
    run_id = add_run(db, "s", {}, calls, origin=Origin.IMPORTED)
    assert store.find_problems(db) == []
    assert store.runs(db, run_ids=[run_id])[0].epochs > 0


def test_the_direction_none_needs_a_direction_to_rank(db: store.Database) -> None:
    add_run(db, "s", {}, step_calls(1))
    store.define_metric(db, "val/loss", "none")
    (group,) = comparable_groups(db, Scope("s"))
    assert group.objective == Objective("train/loss", "min")
    with pytest.raises(UsageError, match="val/loss are better"):
        comparable_groups(db, Scope("s"), by="val/loss")
    assert comparable_groups(db, Scope("s"), by="val/loss:min")[0].objective.metric == "val/loss"
