"""`--metrics` and losses of users for each kind of targets, over whole splits."""

from pathlib import Path

import pytest
import torch
import torchmetrics
import torchmetrics.functional.classification as reference
from target_kinds import make_config
from torch.nn import functional

from nnlab.catalogue import Task
from nnlab.engine.evaluation import compute_outputs
from nnlab.engine.loop import build_session, train
from nnlab.engine.session import Session
from nnlab.engine.split_metrics import counted_positions
from nnlab.errors import ConfigError, DataError, UserCodeError


def trained(folder: Path, task: Task, **settings: object) -> tuple[Session, dict[str, float]]:
    """A session after one epoch, and the metrics of its validation split."""
    session = build_session(make_config(folder, task, epochs=1, **settings))
    values = next(iter(train(session))).values
    return session, {
        name.removeprefix("val/"): value for name, value in values.items() if "val/" in name
    }


def val_outputs(session: Session) -> tuple[torch.Tensor, torch.Tensor]:
    part = session.data.val
    return compute_outputs(session.model, session.model, part), part.targets


def test_metrics_of_tags_equal_torchmetrics(folder: Path) -> None:
    names = "f1_micro,f1_weighted,precision,recall,specificity,auroc,average_precision"
    session, values = trained(folder, "multilabel", metrics=names)
    outputs, targets = val_outputs(session)
    probabilities, labels = outputs.sigmoid(), targets.long()
    expected = {
        "f1_micro": reference.multilabel_f1_score(probabilities, labels, 3, average="micro"),
        "f1_weighted": reference.multilabel_f1_score(probabilities, labels, 3, average="weighted"),
        "precision": reference.multilabel_precision(probabilities, labels, 3),
        "recall": reference.multilabel_recall(probabilities, labels, 3),
        "specificity": reference.multilabel_specificity(probabilities, labels, 3),
        "auroc": reference.multilabel_auroc(probabilities, labels, 3),
        "average_precision": reference.multilabel_average_precision(probabilities, labels, 3),
    }
    for name, value in expected.items():
        assert values[name] == pytest.approx(float(value), abs=1e-6), name


@pytest.mark.parametrize("task", ["token_classification", "segmentation"])
def test_metrics_of_positions_are_those_of_the_positions_that_count(
    folder: Path, task: Task
) -> None:
    session, values = trained(folder, task, metrics="f1,balanced_accuracy,auroc,kappa,brier")
    outputs, targets = val_outputs(session)
    scores, labels = counted_positions(outputs, targets)
    assert len(labels) < targets.numel()
    assert values["f1"] == pytest.approx(
        float(reference.multiclass_f1_score(scores, labels, 3)), abs=1e-6
    )
    assert values["kappa"] == pytest.approx(
        float(reference.multiclass_cohen_kappa(scores, labels, 3)), abs=1e-6
    )
    auroc = reference.multiclass_auroc(scores.softmax(1), labels, 3)
    assert values["auroc"] == pytest.approx(float(auroc), abs=1e-6)


def test_metrics_of_several_numbers_are_means_in_their_own_units(folder: Path) -> None:
    session, values = trained(folder, "regression", metrics="mape,pearson,max_error")
    outputs, targets = (
        part.double() * torch.tensor(session.data.target_scales)
        + torch.tensor(session.data.target_means)
        for part in val_outputs(session)
    )
    assert values["max_error"] == pytest.approx(
        float((outputs - targets).abs().amax(0).mean()), rel=1e-6
    )
    rmse = (outputs - targets).square().mean(0).sqrt().mean()
    assert values["rmse"] == pytest.approx(float(rmse), rel=1e-6)
    pearson = torchmetrics.functional.pearson_corrcoef(outputs, targets)
    assert values["pearson"] == pytest.approx(float(pearson.mean()), rel=1e-6)


USER_METRICS = """
import torch
from torchmetrics.classification import MulticlassF1Score, MultilabelF1Score


def shapes(outputs, targets):
    return 100 * outputs.ndim + targets.ndim + 0.5 * float(targets.min() < 0)


def tokens_f1():
    return MulticlassF1Score(num_classes=3, average="micro")


def tags_f1():
    return MultilabelF1Score(num_labels=3)
"""


@pytest.mark.parametrize(
    ("task", "expected"),
    [("multilabel", 202.0), ("token_classification", 201.0), ("segmentation", 201.0)],
)
def test_metrics_of_users_get_the_positions_that_count(
    folder: Path, task: Task, expected: float
) -> None:
    (folder / "mine.py").write_text(USER_METRICS)
    values = trained(folder, task, metrics="mine.py:shapes:max")[1]
    assert values["shapes"] == expected
    metric = "tags_f1" if task == "multilabel" else "tokens_f1"
    values = trained(folder, task, metrics=f"mine.py:{metric}:max")[1]
    same = "f1" if task == "multilabel" else "accuracy"
    assert values[metric] == pytest.approx(values[same], abs=1e-6)


LOSSES = """
from torch.nn import functional


def mean(outputs, targets):
    return functional.cross_entropy(outputs.transpose(1, 2), targets)


def positions(outputs, targets):
    return functional.cross_entropy(outputs.transpose(1, 2), targets, reduction="none")


def examples(outputs, targets):
    return positions(outputs, targets).mean(1)
"""


def test_losses_of_users_get_outputs_and_targets_in_their_shapes(folder: Path) -> None:
    (folder / "loss.py").write_text(LOSSES)
    expected = trained(folder, "token_classification")[1]["loss"]
    for name in ("mean", "positions"):
        values = trained(folder, "token_classification", loss=f"loss.py:{name}")[1]
        assert values["loss"] == pytest.approx(expected, rel=1e-5), name
    with pytest.raises(UserCodeError, match=r"or one value per position, \[2, 6\]"):
        trained(folder, "token_classification", loss="loss.py:examples")


def test_weights_of_classes_count_the_positions_that_count(folder: Path) -> None:
    config = make_config(folder, "segmentation", class_weights="balanced", label_smoothing=0.1)
    session = build_session(config)
    outputs = session.model(session.data.train.examples)
    targets = session.data.train.targets
    counts = torch.bincount(targets[targets >= 0]).double()
    weights = (counts.sum() / (3 * counts)).float()
    expected = functional.cross_entropy(outputs, targets, weight=weights, label_smoothing=0.1)
    torch.testing.assert_close(session.loss(outputs, targets), expected)
    assert session.eval_loss(outputs, targets).item() == pytest.approx(
        functional.cross_entropy(outputs, targets).item()
    )


def test_tags_have_weights_of_their_positive_examples(folder: Path) -> None:
    session = build_session(make_config(folder, "multilabel", pos_weight="1,2,3"))
    outputs, targets = torch.randn(4, 3), torch.ones(4, 3)
    expected = functional.binary_cross_entropy_with_logits(
        outputs, targets, pos_weight=torch.tensor([1.0, 2.0, 3.0])
    )
    torch.testing.assert_close(session.loss(outputs, targets), expected)


@pytest.mark.parametrize("loss", ["cross_entropy", "nll"])
@pytest.mark.parametrize("task", ["token_classification", "language_modeling", "segmentation"])
def test_both_losses_of_classes_equal_torch(folder: Path, task: Task, loss: str) -> None:
    session = build_session(make_config(folder, task, loss=loss))
    outputs, targets = val_outputs(session)
    scores, labels = counted_positions(outputs, targets)
    expected = functional.cross_entropy(scores, labels)
    torch.testing.assert_close(session.loss(outputs, targets), expected)


@pytest.mark.parametrize(("option"), ["mixup", "cutmix"])
def test_tags_of_mixed_examples_are_mixed(folder: Path, option: str) -> None:
    if option == "cutmix":
        with pytest.raises(DataError, match="cutmix needs images"):
            build_session(make_config(folder, "multilabel", cutmix=1.0))
        return
    values = dict(
        next(iter(train(build_session(make_config(folder, "multilabel", mixup=1.0))))).values
    )
    assert 0 <= values["train/exact_match"] <= 1


@pytest.mark.parametrize(
    ("task", "settings", "message"),
    [
        ("multilabel", {"metrics": "kappa"}, "kappa does not fit own.py:tags, a multilabel task"),
        ("language_modeling", {"metrics": "f1"}, "f1 does not fit own.py:text"),
        ("reconstruction", {"metrics": "r2"}, "r2 does not fit own.py:signals"),
        ("reconstruction", {"loss": "cross_entropy"}, "cross_entropy does not fit"),
        ("segmentation", {"mixup": 0.2}, "--mixup needs one class per example"),
        ("segmentation", {"augment": "flip"}, "flip moves pixels, but not the targets"),
        ("segmentation", {"label_noise": 0.2}, "--label-noise needs one class per example"),
        ("token_classification", {"sampling": "balanced"}, "--sampling balanced needs one class"),
        ("token_classification", {"classes": "0-1"}, "--classes needs one class per example"),
        ("language_modeling", {"class_weights": "balanced"}, "--class-weights needs classes"),
        ("language_modeling", {"inputs": "minmax"}, "--inputs minmax has no effect"),
        ("language_modeling", {"augment": "noise"}, "--augment noise needs images or numbers"),
        ("multilabel", {"pos_weight": "1,2"}, "has 2 weights, own.py:tags has 3 classes"),
        ("multilabel", {"objective": "val/r2"}, "val/r2 is not available"),
    ],
)
def test_options_that_do_not_fit_say_why(
    folder: Path, task: Task, settings: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        make_config(folder, task, **settings)


@pytest.mark.parametrize("settings", [{"train_size": 20}, {"folds": 3}], ids=str)
@pytest.mark.parametrize("task", ["multilabel", "regression", "segmentation", "reconstruction"])
def test_splits_and_subsets_work_for_every_kind(
    folder: Path, task: Task, settings: dict[str, object]
) -> None:
    session, values = trained(folder, task, **settings)
    assert values["loss"] > 0
    assert len(session.data.train) == (20 if "train_size" in settings else 34)


def test_a_model_with_outputs_of_another_shape_is_named_with_its_line(folder: Path) -> None:
    (folder / "wrong.py").write_text(
        "from torch import nn\n\n\n"
        "class Small(nn.Conv2d):\n"
        "    def __init__(self):\n"
        "        super().__init__(1, 2, 3, padding=1)\n\n"
        "    def forward(self, x):\n"
        "        return super().forward(x)\n"
    )
    with pytest.raises(
        UserCodeError,
        match=r"returns \[2, 2, 4, 4\] for examples \[2, 1, 4, 4\], nnlab needs \[2, 3, 4, 4\]:"
        r" an output of shape \[3, 4, 4\] per example - .*wrong\.py.*9",
    ):
        build_session(make_config(folder, "segmentation", model="wrong.py:Small"))


def test_built_in_models_of_vectors_do_not_fit_tokens(folder: Path) -> None:
    with pytest.raises(ConfigError, match="--model mlp does not take tokens"):
        build_session(make_config(folder, "language_modeling", model="mlp"))
