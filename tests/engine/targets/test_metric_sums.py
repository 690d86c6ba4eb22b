"""`MetricSums`: equal to torchmetrics over whole splits, for any division into batches."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest
import torch
import torchmetrics.functional as reference
import torchmetrics.functional.classification as class_reference
import torchmetrics.functional.text as text_reference
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from nnlab.catalogue import Task
from nnlab.engine.evaluation import compute_metrics
from nnlab.engine.targets.metric_sums import METRIC_SUMS, Loss, MetricSums, metric_sums
from nnlab.engine.targets.output_shape import IGNORED_CLASS, output_shape
from nnlab.errors import DataError
from nnlab.settings.metric_list import TASK_METRICS

EXAMPLES, CLASSES = 23, 4
SCALES = (2.0, 0.5, 10.0)


def token_loss(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.cross_entropy(outputs.flatten(0, 1), targets.flatten())


def energy(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.square().mean()


LOSSES: dict[Task, Loss] = {
    "classification": functional.cross_entropy,
    "regression": functional.mse_loss,
    "multilabel": functional.binary_cross_entropy_with_logits,
    "token_classification": token_loss,
    "language_modeling": token_loss,
    "segmentation": functional.cross_entropy,
    "reconstruction": functional.mse_loss,
    "unsupervised": energy,
}
NUM_OUTPUTS: dict[Task, int] = {"regression": 3, "multilabel": 3, "reconstruction": 12}


def classes_with_ignored(*shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    targets = torch.randint(CLASSES, shape, generator=generator)
    targets[torch.rand(shape, generator=generator) < 0.3] = IGNORED_CLASS
    targets[3] = IGNORED_CLASS  # an example without any position that counts
    return targets


def outputs_and_targets(task: Task) -> tuple[torch.Tensor, torch.Tensor | None]:
    generator = torch.Generator().manual_seed(3)
    targets: torch.Tensor | None
    match task:
        case "classification":
            targets = torch.randint(CLASSES, (EXAMPLES,), generator=generator)
        case "regression":
            targets = 1000.0 + torch.randn(EXAMPLES, 3, generator=generator)
        case "multilabel":
            targets = (torch.rand(EXAMPLES, 3, generator=generator) < 0.4).float()
        case "token_classification" | "language_modeling":
            targets = classes_with_ignored(EXAMPLES, 6)
        case "segmentation":
            targets = classes_with_ignored(EXAMPLES, 5, 4)
        case "reconstruction":
            targets = torch.randn(EXAMPLES, 3, 2, 2, generator=generator)
        case _:
            return torch.randn(EXAMPLES, 3, generator=generator), None
    shape = output_shape(task, outputs_of(task), (3, 2, 2), tuple(targets.shape[1:]))
    outputs = torch.randn(EXAMPLES, *shape, generator=generator)
    return (outputs + targets if task == "regression" else outputs), targets


def outputs_of(task: Task) -> int:
    return NUM_OUTPUTS.get(task, CLASSES)


def empty_sums(task: Task) -> MetricSums:
    scale = SCALES if task == "regression" else 1.0
    return metric_sums(task, LOSSES[task], num_outputs=outputs_of(task), target_scale=scale)


def measure(task: Task, sizes: Sequence[int]) -> dict[str, float]:
    outputs, targets = outputs_and_targets(task)
    sums, begin = empty_sums(task), 0
    for size in sizes:
        end = begin + size
        sums.add(outputs[begin:end], None if targets is None else targets[begin:end])
        begin = end
    return sums.compute()


def whole(task: Task) -> dict[str, float]:
    return measure(task, [EXAMPLES])


every_task = pytest.mark.parametrize("task", METRIC_SUMS)


@every_task
def test_the_metrics_are_those_that_every_run_has(task: Task) -> None:
    assert tuple(whole(task)) == TASK_METRICS[task]


@every_task
@given(cuts=st.lists(st.integers(1, EXAMPLES - 1), unique=True))
def test_the_division_into_batches_does_not_matter(task: Task, cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), EXAMPLES]
    sizes = [end - begin for begin, end in pairwise(ends)]
    assert measure(task, sizes) == pytest.approx(whole(task), rel=1e-6, abs=1e-9, nan_ok=True)


@every_task
def test_stored_sums_continue_exactly(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)

    def batch(begin: int, end: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        return outputs[begin:end], None if targets is None else targets[begin:end]

    first, straight = empty_sums(task), empty_sums(task)
    first.add(*batch(0, 9))
    stored = first.state_dict()
    first.add(*batch(9, 12))  # the stored sums are copies
    resumed = empty_sums(task)
    resumed.load_state_dict(stored)
    resumed.add(*batch(9, 23))
    straight.add(*batch(0, 9))
    straight.add(*batch(9, 23))
    assert resumed.compute() == straight.compute()


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_split_of_one_batch_equals_the_metrics_of_the_whole_split(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)
    assert targets is not None
    if task == "regression":
        outputs, targets = outputs[:, :1], targets[:, :1]
    expected = compute_metrics(task, LOSSES[task], outputs, targets, scale=2.0)
    count = 1 if task == "regression" else CLASSES
    sums = metric_sums(task, LOSSES[task], num_outputs=count, target_scale=2.0)
    sums.add(outputs, targets)
    assert sums.compute() == pytest.approx(dict(expected), rel=1e-5)


def test_several_targets_equal_torchmetrics_in_their_own_units() -> None:
    outputs, targets = outputs_and_targets("regression")
    assert targets is not None
    measured, scale = whole("regression"), torch.tensor(SCALES).double()
    squares = (outputs.double() - targets.double()).square().mean(0)
    assert measured["rmse"] == pytest.approx(float((squares.sqrt() * scale).mean()))
    absolute = (outputs.double() - targets.double()).abs().mean(0)
    assert measured["mae"] == pytest.approx(float((absolute * scale).mean()))
    r2 = reference.r2_score(outputs.double(), targets.double(), multioutput="uniform_average")
    assert measured["r2"] == pytest.approx(float(r2))


def test_targets_without_variance_have_no_r2() -> None:
    sums = metric_sums("regression", functional.mse_loss, num_outputs=1)
    for _ in range(3):
        sums.add(torch.ones(4, 1), torch.full((4, 1), 0.1))
    assert math.isnan(sums.compute()["r2"])


def test_tags_equal_torchmetrics() -> None:
    outputs, targets = outputs_and_targets("multilabel")
    assert targets is not None
    labels, probabilities = targets.long(), outputs.sigmoid()
    measured = whole("multilabel")
    assert measured == pytest.approx(
        {
            "loss": float(functional.binary_cross_entropy_with_logits(outputs, targets)),
            "accuracy": float(
                class_reference.multilabel_accuracy(probabilities, labels, 3, average="micro")
            ),
            "exact_match": float(class_reference.multilabel_exact_match(probabilities, labels, 3)),
            "f1": float(class_reference.multilabel_f1_score(probabilities, labels, 3)),
        },
        rel=1e-6,
    )


@pytest.mark.parametrize("task", ["token_classification", "language_modeling"])
def test_tokens_equal_torch_over_the_tokens_that_count(task: Task) -> None:
    outputs, targets = outputs_and_targets(task)
    assert targets is not None
    scores = outputs.transpose(1, 2)
    measured = whole(task)
    loss = float(functional.cross_entropy(scores, targets, ignore_index=IGNORED_CLASS))
    accuracy = class_reference.multiclass_accuracy(
        scores, targets, CLASSES, average="micro", ignore_index=IGNORED_CLASS
    )
    assert measured["loss"] == pytest.approx(loss, rel=1e-6)
    assert measured["accuracy"] == pytest.approx(float(accuracy))
    if task == "language_modeling":
        perplexity = text_reference.perplexity(outputs, targets, ignore_index=IGNORED_CLASS)
        assert measured["perplexity"] == pytest.approx(float(perplexity), rel=1e-5)


def test_pixels_equal_torchmetrics() -> None:
    outputs, targets = outputs_and_targets("segmentation")
    assert targets is not None
    ignored = IGNORED_CLASS
    accuracy = class_reference.multiclass_accuracy(
        outputs, targets, CLASSES, average="micro", ignore_index=ignored
    )
    iou = class_reference.multiclass_jaccard_index(outputs, targets, CLASSES, ignore_index=ignored)
    measured = whole("segmentation")
    assert measured == pytest.approx(
        {
            "loss": float(functional.cross_entropy(outputs, targets)),
            "accuracy": float(accuracy),
            "mean_iou": float(iou),
        },
        rel=1e-6,
    )


def test_a_class_that_does_not_occur_has_no_intersection_over_union() -> None:
    targets = torch.tensor([[[0, 0], [1, IGNORED_CLASS]]])
    outputs = functional.one_hot(torch.tensor([[[0, 1], [1, 2]]]), 4).permute(0, 3, 1, 2).float()
    sums = metric_sums("segmentation", functional.cross_entropy, num_outputs=4)
    sums.add(outputs, targets)
    # Class 0: 1 of 2 pixels; class 1: 1 of 2; the ignored pixel, predicted as 2, is left out.
    assert sums.compute()["mean_iou"] == pytest.approx(0.5)


def test_reconstructions_are_measured_over_all_numbers() -> None:
    outputs, targets = outputs_and_targets("reconstruction")
    assert targets is not None
    mse = float(functional.mse_loss(outputs, targets))
    assert whole("reconstruction") == pytest.approx(
        {"loss": mse, "rmse": mse**0.5, "mae": float(functional.l1_loss(outputs, targets))},
        rel=1e-6,
    )


def test_outputs_without_targets_may_be_nested() -> None:
    def distance(outputs: dict[str, torch.Tensor]) -> torch.Tensor:
        return (outputs["a"] - outputs["b"]).square().mean()

    sums = metric_sums("unsupervised", distance, num_outputs=1)
    for size, difference in ((1, 3.0), (3, 1.0)):
        outputs = {"a": torch.zeros(size, 2), "b": torch.full((size, 2), difference)}
        sums.add(outputs, None)  # type: ignore[arg-type]
    assert sums.compute() == {"loss": pytest.approx((9.0 + 3 * 1.0) / 4)}


def test_half_precision_is_added_in_float32() -> None:
    sums = metric_sums("reconstruction", functional.mse_loss, num_outputs=1, dtype=torch.bfloat16)
    sums.add(torch.full((4, 1), 1.0, dtype=torch.bfloat16), torch.zeros(4, 1))
    assert sums.compute()["mae"] == 1.0


def test_a_perplexity_out_of_range_is_infinite() -> None:
    outputs = torch.tensor([[[0.0, 1e4]]])
    sums = metric_sums("language_modeling", token_loss, num_outputs=2)
    sums.add(outputs, torch.tensor([[0]]))
    assert sums.compute()["perplexity"] == math.inf


def test_tasks_of_users_have_no_metrics_of_nnlab() -> None:
    build: Callable[..., MetricSums] = metric_sums
    with pytest.raises(DataError, match="the task custom has no metrics"):
        build("custom", energy, num_outputs=1)
