"""The mapping of remedies to the flags of a script."""

import pytest

from nnlab.diagnosis.remedies import remedies_for
from nnlab.errors import UsageError
from nnlab.objective import Scalar
from nnlab.records import Finding, Severity
from nnlab.scripts.flags import Flag, ScriptFlags
from nnlab.scripts.remedy_flags import apply_to_flags, map_flags, remedy_setting


def _finding(code: str) -> Finding:
    return Finding(code, "x", Severity.WARNING, 1.0, 1, "", "", {})


def _changes(
    flags: ScriptFlags,
    setting: dict[str, Scalar],
    code: str,
    *,
    steps: int | None = None,
    **chosen: str,
) -> list[dict[str, Scalar]]:
    mapped = map_flags(flags, setting, chosen)
    remedies = remedies_for([_finding(code)], remedy_setting(mapped))
    return [dict(remedy.changes) for remedy in apply_to_flags(remedies, mapped, steps)]


FLAGS = ScriptFlags(
    "argparse",
    (
        Flag("learning_rate", ("--learning-rate",), "float", 0.1),
        Flag("batch", ("--batch", "-b"), "int", 8),
        Flag("wd", ("--wd",), "float", 0.0),
        Flag("max_grad_norm", ("--max-grad-norm",), "float"),
        Flag("epochs", ("--epochs",), "int", 20),
        Flag("warmup_steps", ("--warmup-steps",), "int", 0),
        Flag("drop_path", ("--drop-path",), "float", 0.0),
        Flag("label_smoothing", ("--label-smoothing",), "float", 0.0),
    ),
)


def test_usual_names_are_found() -> None:
    mapped = map_flags(FLAGS, {"batch": 16}, {})
    names = {field: flag.flag.name for field, flag in mapped.items()}
    assert names == {
        "lr": "learning_rate", "batch_size": "batch", "weight_decay": "wd", "epochs": "epochs",
        "warmup": "warmup_steps", "label_smoothing": "label_smoothing", "clip": "max_grad_norm",
    }  # fmt: skip
    assert mapped["batch_size"].value == 16
    assert (mapped["clip"].value, mapped["warmup"].unit) == (0.0, "steps")


def test_overfitting() -> None:
    assert _changes(FLAGS, {}, "NN101") == [{"wd": 0.01}, {"label_smoothing": 0.1}]
    changes = _changes(FLAGS, {"wd": 0.01}, "NN101", dropout="--drop-path")
    assert changes == [{"drop_path": 0.3}, {"wd": 0.1}, {"label_smoothing": 0.1}]


def test_a_too_large_learning_rate() -> None:
    assert _changes(FLAGS, {"learning_rate": "0.5"}, "NN202", steps=1000) == [
        {"learning_rate": 0.05},
        {"learning_rate": 0.005},
        {"learning_rate": 0.0005},
        {"max_grad_norm": 1.0},
        {"warmup_steps": 100},
    ]
    # The number of steps is not known.
    assert {"warmup_steps": 100} not in _changes(FLAGS, {}, "NN202")


def test_noise_and_too_few_epochs() -> None:
    assert _changes(FLAGS, {}, "NN204")[0] == {"batch": 64}
    assert _changes(FLAGS, {}, "NN105")[0] == {"epochs": 60}
    steps = ScriptFlags("click", (Flag("max_steps", ("--max-steps",), "int", 500),))
    assert _changes(steps, {}, "NN105") == [{"max_steps": 1500}]


def test_underfitting_removes_all_regularisation() -> None:
    setting: dict[str, Scalar] = {"wd": 0.1, "label_smoothing": 0.2, "learning_rate": 0.1}
    assert _changes(FLAGS, setting, "NN104") == [
        {"wd": 0.0, "label_smoothing": 0.0},
        {"learning_rate": 0.3},
    ]


def test_nested_names_and_unknown_parsers() -> None:
    hydra = ScriptFlags(
        "hydra",
        (
            Flag("optim.lr", ("optim.lr",), "any", 0.1),
            Flag("trainer.epochs", ("trainer.epochs",), "any", 5),
        ),
    )
    assert _changes(hydra, {}, "NN105") == [
        {"trainer.epochs": 15},
        {"optim.lr": 0.3},
        {"optim.lr": 1.0},
    ]
    two = ScriptFlags("hydra", (*hydra.flags, Flag("critic.lr", ("critic.lr",), "any", 0.1)))
    assert "lr" not in map_flags(two, {}, {})
    assert map_flags(two, {}, {"lr": "critic.lr"})["lr"].flag.name == "critic.lr"
    unknown = ScriptFlags("unknown")
    assert _changes(unknown, {"lr": "0.1", "x": "y"}, "NN203")[0] == {"lr": 1.0}


def test_unusable_flags() -> None:
    flags = ScriptFlags(
        "argparse",
        (
            Flag("lr", ("--lr",), "str", "auto"),
            Flag("dropout", ("--dropout",), "bool", False, takes="none", boolean="switch"),
            Flag("max_steps", ("--max-steps",), "int", -1),
        ),
    )
    assert map_flags(flags, {}, {}) == {}
    with pytest.raises(UsageError, match="no number as value or default"):
        map_flags(flags, {}, {"lr": "--lr"})
    with pytest.raises(UsageError, match="unknown quantity 'lrr': did you mean 'lr'"):
        map_flags(flags, {}, {"lrr": "--lr"})
    with pytest.raises(UsageError, match="the script has no flag '--rate'"):
        map_flags(flags, {}, {"lr": "--rate"})
