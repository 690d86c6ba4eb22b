"""The metrics of `--metrics`: equal to torchmetrics and scikit-learn over whole splits."""

import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.stats
import torch
import torchmetrics
import torchmetrics.functional.classification as reference
from sklearn import metrics as sklearn_metrics

from nnlab.catalogue import Task
from nnlab.engine import checkpoint, metrics
from nnlab.engine.batched.batched_runs import BatchedRuns
from nnlab.engine.data import facts_of
from nnlab.engine.loop import build_session, train
from nnlab.engine.metric_versions import metrics_version
from nnlab.engine.metrics import AddedMetrics
from nnlab.engine.user_code import forbid_execution
from nnlab.engine.user_metrics import with_code_directions
from nnlab.engine.versions import file_versions
from nnlab.errors import ConfigError, UserCodeError, UserCodeRefused
from nnlab.records import Status
from nnlab.settings import RunConfig, metric_directions, resolve

Make = Callable[..., RunConfig]

CLASS_METRICS = (
    "balanced_accuracy,f1,f1_micro,f1_weighted,precision,recall,specificity,auroc,"
    "average_precision,top3,mcc,kappa,brier,calibration_error"
)
NUMBER_METRICS = "mape,explained_variance,spearman,pearson,max_error"


def measure(
    text: str,
    outputs: torch.Tensor,
    targets: torch.Tensor,
    *,
    regression: bool = False,
    **options: float,
) -> dict[str, float]:
    config = RunConfig(metrics=text, metrics_version=metrics_version(text))
    task: Task = "regression" if regression else "classification"
    added = metrics.build(config, task, outputs.shape[1], **options)
    assert added is not None
    return added.compute(outputs, targets, epoch=1)


def logits_and_classes(
    examples: int = 211, classes: int = 5, *, present: int = 5, ties: bool = False
) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    targets = torch.randint(present, (examples,), generator=generator)
    outputs = torch.randn(examples, classes, generator=generator)
    outputs[torch.arange(examples), targets] += 1.0
    return (outputs.round() if ties else outputs), targets


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("present", [5, 3], ids=["all", "missing"])
def test_class_metrics_equal_scikit_learn(present: int, ties: bool) -> None:
    outputs, targets = logits_and_classes(present=present, ties=ties)
    measured = measure(CLASS_METRICS, outputs, targets)
    probabilities = outputs.double().softmax(1)
    y, p, predicted = targets.numpy(), probabilities.numpy(), outputs.argmax(1).numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a predicted class that does not occur
        expected = {
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, predicted),
            "f1": sklearn_metrics.f1_score(y, predicted, average="macro"),
            "f1_micro": sklearn_metrics.f1_score(y, predicted, average="micro"),
            "f1_weighted": sklearn_metrics.f1_score(y, predicted, average="weighted"),
            "precision": sklearn_metrics.precision_score(y, predicted, average="macro"),
            "recall": sklearn_metrics.recall_score(y, predicted, average="macro"),
            "mcc": sklearn_metrics.matthews_corrcoef(y, predicted),
            "kappa": sklearn_metrics.cohen_kappa_score(y, predicted),
            "auroc": np.mean(
                [sklearn_metrics.roc_auc_score(y == k, p[:, k]) for k in range(present)]
            ),
            "average_precision": np.mean(
                [sklearn_metrics.average_precision_score(y == k, p[:, k]) for k in range(present)]
            ),
            "brier": np.mean(np.sum((p - np.eye(5)[y]) ** 2, axis=1)),
        }
    if not ties:  # the order of equal outputs is not defined
        expected["top3"] = sklearn_metrics.top_k_accuracy_score(y, p, k=3, labels=range(5))
    for name, value in expected.items():
        assert measured[name] == pytest.approx(value, abs=1e-6), name


def test_class_metrics_equal_torchmetrics_updated_in_batches() -> None:
    outputs, targets = logits_and_classes()
    measured = measure(CLASS_METRICS, outputs, targets)
    for name, metric in {
        "specificity": torchmetrics.classification.MulticlassSpecificity(5, average="macro"),
        "calibration_error": torchmetrics.classification.MulticlassCalibrationError(5, n_bins=15),
        "f1": torchmetrics.classification.MulticlassF1Score(5, average="macro"),
        "auroc": torchmetrics.classification.MulticlassAUROC(5),
    }.items():
        for rows in torch.split(torch.arange(len(targets)), 32):
            metric.update(outputs[rows].double().softmax(1), targets[rows])
        assert measured[name] == pytest.approx(float(metric.compute()), abs=1e-6), name


def test_a_split_of_one_class_has_no_area_under_the_curve() -> None:
    outputs, targets = logits_and_classes(present=1)
    measured = measure(CLASS_METRICS, outputs, targets)
    assert math.isnan(measured["auroc"])
    assert math.isnan(measured["average_precision"])
    assert measured["balanced_accuracy"] == pytest.approx(
        float((outputs.argmax(1) == 0).double().mean())
    )


def test_two_classes_have_the_area_of_the_binary_curve() -> None:
    outputs, targets = logits_and_classes(classes=2, present=2)
    expected = sklearn_metrics.roc_auc_score(targets, (outputs[:, 1] - outputs[:, 0]))
    assert measure("auroc", outputs, targets)["auroc"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("ties", [False, True])
def test_regression_metrics_equal_scikit_learn_in_the_unit_of_the_target(ties: bool) -> None:
    generator = torch.Generator().manual_seed(3)
    targets = torch.randn(150, 1, generator=generator)
    outputs = targets + torch.randn(150, 1, generator=generator)
    if ties:
        targets, outputs = targets.round(), outputs.round()
    measured = measure(
        NUMBER_METRICS, outputs, targets, regression=True, target_scale=20.0, target_mean=300.0
    )
    y, p = (tensor[:, 0].double().numpy() * 20.0 + 300.0 for tensor in (targets, outputs))
    expected = {
        "mape": sklearn_metrics.mean_absolute_percentage_error(y, p),
        "explained_variance": sklearn_metrics.explained_variance_score(y, p),
        "spearman": scipy.stats.spearmanr(y, p).statistic,
        "pearson": scipy.stats.pearsonr(y, p).statistic,
        "max_error": sklearn_metrics.max_error(y, p),
    }
    assert measured.keys() == expected.keys()
    for name, value in expected.items():
        assert measured[name] == pytest.approx(value, rel=1e-6), name


def test_equal_targets_have_no_correlation_and_no_variance_to_explain() -> None:
    outputs = torch.linspace(-1, 1, 9)[:, None]
    measured = measure(NUMBER_METRICS, outputs, torch.full((9, 1), 0.1), regression=True)
    assert [name for name, value in measured.items() if math.isnan(value)] == [
        "explained_variance",
        "spearman",
        "pearson",
    ]


def test_ranks_of_many_equal_numbers_do_not_overflow() -> None:
    outputs = (torch.arange(120_000) >= 60_000).double()[:, None]
    measured = measure("spearman", outputs, outputs.clone(), regression=True)
    assert measured["spearman"] == pytest.approx(1.0)


def test_outputs_that_are_not_finite_give_nan_and_no_error() -> None:
    outputs, targets = logits_and_classes()
    outputs[3, 2] = math.nan
    assert all(map(math.isnan, measure(CLASS_METRICS, outputs, targets).values()))


def test_the_largest_share_of_a_mixed_example_counts() -> None:
    outputs, targets = logits_and_classes()
    mixed = torch.nn.functional.one_hot(targets, 5) * 0.7 + 0.06
    assert measure("f1,kappa", outputs, mixed) == measure("f1,kappa", outputs, targets)


def history(config: RunConfig) -> list[dict[str, float]]:
    return [dict(epoch.values) for epoch in train(build_session(config))]


def test_train_val_exact_and_test_are_measured_over_the_whole_split(config: Make) -> None:
    session = build_session(config(metrics="f1,auroc", exact_train=True, epochs=2))
    values = list(train(session))[-1].values
    with torch.no_grad():
        session.model.eval()
        for split, part in (("val", session.data.val), ("train", session.data.train)):
            outputs = session.model(part.examples).double().softmax(1)
            suffix = "_exact" if split == "train" else ""
            assert values[f"{split}/f1{suffix}"] == pytest.approx(
                float(reference.multiclass_f1_score(outputs, part.targets, 3)), abs=1e-6
            )
            assert values[f"{split}/auroc{suffix}"] == pytest.approx(
                float(reference.multiclass_auroc(outputs, part.targets, 3)), abs=1e-6
            )
    assert {"train/f1", "train/auroc"} <= values.keys()
    assert {"test/f1", "test/auroc"} <= session.test().keys()


def test_measuring_more_changes_no_other_value(config: Make) -> None:
    plain = history(config())
    measured = history(config(metrics=CLASS_METRICS.replace("top3,", "")))
    assert [
        {name: value for name, value in values.items() if name in before}
        for values, before in zip(measured, plain, strict=True)
    ] == plain


def test_any_metric_selects_the_epoch_and_ends_the_run(config: Make) -> None:
    session = build_session(
        config(metrics="brier", objective="val/brier", early_stop=2, lr=1.0, epochs=40)
    )
    values = [epoch.values["val/brier"] for epoch in train(session)]
    assert session.status is Status.FINISHED
    assert len(values) == session.improved_epoch + 2 < 40
    assert session.selected_value == min(values)


@pytest.mark.parametrize("data", ["iris", "diabetes"])
def test_batched_runs_have_the_values_of_single_runs(config: Make, data: str, folder: Path) -> None:
    (folder / "m.py").write_text("def gap(outputs, targets):\n    return outputs.sum() / 7\n")
    text = f"{'f1,auroc' if data == 'iris' else 'mape,spearman'},m.py:gap:min"
    options = {"data": data, "metrics": text, "dtype": "float64", "exact_train": True}
    configs = [
        with_version(config(**options, seed=seed, lr=lr)) for seed, lr in ((0, 0.1), (1, 0.2))
    ]
    runs = BatchedRuns([build_session(item) for item in configs])
    batched: list[list[dict[str, float]]] = [[], []]
    while runs.sessions:
        for session, epoch in runs.train_epoch():
            batched[session.config.seed].append(dict(epoch.values))
        runs.remove_finished()
    for ours, single in zip(batched, map(history, configs), strict=True):
        for values, expected in zip(ours, single, strict=True):
            for name in ("train/gap", "val/gap", "train/gap_exact", *expected):
                assert values[name] == pytest.approx(expected[name], rel=1e-9, nan_ok=True), name


def with_version(config: RunConfig) -> RunConfig:
    """The config with the version of the user's files."""
    return resolve(config, facts_of(config), versions=file_versions(config))


def test_a_resumed_run_has_the_same_bits(config: Make, folder: Path) -> None:
    (folder / "m.py").write_text(
        "import torch\ndef noisy(outputs, targets):\n    return torch.rand(()) + outputs.mean()\n"
    )
    chosen = with_version(config(metrics="f1,m.py:noisy:max", objective="val/noisy", epochs=6))
    complete = history(chosen)
    session = build_session(chosen)
    first = [dict(next(iter(train(session))).values)]
    resumed = build_session(chosen)
    checkpoint.restore_checkpoint(resumed, checkpoint.serialize_checkpoint(session), "c")
    torch.rand(5)
    assert first + [dict(epoch.values) for epoch in train(resumed)] == complete


USER_FILE = """
from functools import partial
import numpy as np
import torch
import torchmetrics
from torchmetrics.classification import MulticlassF1Score

def share(outputs, targets):
    return (outputs.argmax(1) == targets).float().mean()

def as_numpy(outputs, targets):
    return np.mean(outputs.numpy().argmax(1) == targets.numpy())

class MyF1(MulticlassF1Score):
    pass

instance = MulticlassF1Score(3)
micro = partial(MulticlassF1Score, average="micro")

def factory():
    return torchmetrics.Accuracy(task="multiclass", num_classes=3)

class Plain:
    def reset(self):
        self.count = 0
    def update(self, outputs, targets):
        self.count += len(targets)
    def compute(self):
        return self.count

def vector(outputs, targets):
    return outputs

def nothing(outputs, targets):
    outputs.mean()

def imaginary(outputs, targets):
    return 1j

def text(outputs, targets):
    return "0.5"

def undefined(outputs, targets):
    return float("nan")

def broken(outputs, targets):
    return outputs @ targets[:, :, None]

def rewrites(outputs, targets):
    return outputs.zero_().sum()

number = 3

class Needs:
    def __init__(self, threshold):
        pass
"""


@pytest.fixture
def user_file(folder: Path) -> Path:
    path = folder / "m.py"
    path.write_text(USER_FILE)
    return path


def measure_user(name: str) -> float:
    outputs, targets = logits_and_classes(classes=3, present=3)
    return measure(f"m.py:{name}", outputs, targets)[name]


@pytest.mark.usefixtures("user_file")
def test_a_function_and_every_way_to_build_a_metric() -> None:
    outputs, targets = logits_and_classes(classes=3, present=3)
    accuracy = float((outputs.argmax(1) == targets).double().mean())
    f1 = float(reference.multiclass_f1_score(outputs, targets, 3))
    for name in ("share", "as_numpy", "micro", "factory"):
        assert measure_user(name) == pytest.approx(accuracy), name
    for name in ("MyF1", "instance"):
        assert measure_user(name) == pytest.approx(f1), name
    assert measure_user("Plain") == len(targets)
    assert math.isnan(measure_user("undefined"))
    assert measure_user("rewrites") == 0.0
    assert measure("m.py:rewrites,m.py:share", outputs, targets)["share"] == pytest.approx(accuracy)


@pytest.mark.usefixtures("user_file")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vector", "returns a Tensor of shape [211, 3]; nnlab needs one real number"),
        ("nothing", "returns None (is there a return statement?)"),
        ("imaginary", "returns the complex number 1j"),
        ("text", "returns the text "),
        ("broken", "m.py, line 47, in broken: IndexError"),
        ("number", "is of type int; nnlab needs a function of outputs and targets"),
        ("Needs", "requires the arguments threshold"),
        ("missing", "unknown name in m.py 'missing'"),
    ],
)
def test_what_is_no_metric_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserCodeError) as caught:
        measure_user(name)
    assert message in caught.value.message


@pytest.mark.usefixtures("user_file")
def test_a_metric_that_has_changed_is_refused(config: Make, folder: Path) -> None:
    chosen = with_version(config(metrics="m.py:share:max"))
    assert chosen.metrics_version is not None
    (folder / "m.py").write_text(USER_FILE + "\n")
    assert metrics_version("m.py:share") != chosen.metrics_version
    with pytest.raises(UserCodeError, match=r"m\.py:share has changed since this run was set up"):
        build_session(chosen)


@pytest.mark.usefixtures("user_file")
def test_the_version_covers_every_file_and_not_the_direction(folder: Path) -> None:
    (folder / "other.py").write_text("def g(outputs, targets):\n    return 1\n")
    both = metrics_version("m.py:share,other.py:g")
    assert metrics_version("m.py:share:max,other.py:g:min") == both
    assert len({both, metrics_version("m.py:share"), metrics_version("other.py:g")}) == 3
    assert metrics_version("f1,auroc") is None
    (folder / "other.py").write_text("def g(outputs, targets):\n    return 2\n")
    assert metrics_version("m.py:share,other.py:g") != both


@pytest.mark.usefixtures("user_file")
def test_directions_come_from_the_metric_or_its_name() -> None:
    text = with_code_directions("f1,m.py:MyF1,m.py:factory,m.py:instance,m.py:share,m.py:micro")
    directions = metric_directions({"metrics": text})
    assert {name for name in directions if name.startswith("val/")} == {
        "val/MyF1",
        "val/factory",
        "val/instance",
        "val/micro",
    }
    assert set(directions.values()) == {"max"}
    assert with_code_directions("m.py:MyF1:min") == "m.py:MyF1:min"
    with forbid_execution("this test reads only"), pytest.raises(UserCodeRefused):
        with_code_directions("m.py:share")


def test_a_missing_torchmetrics_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(ConfigError) as caught:
        metrics.check_torchmetrics("f1,brier")
    assert caught.value.message == "--metrics f1 needs the torchmetrics package"
    assert caught.value.hint == "pip install 'nnlab[metrics]'"
    metrics.check_torchmetrics("brier,max_error")


def test_added_metrics_are_named_in_the_order_of_their_values() -> None:
    outputs, targets = logits_and_classes()
    added = metrics.build(RunConfig(metrics="kappa,f1"), "classification", 5)
    assert isinstance(added, AddedMetrics)
    assert added.names == tuple(added.compute(outputs, targets, 1))
