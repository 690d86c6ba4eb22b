"""Losses compared to torch, a library or a hand computation; the reported loss."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import hinge_loss
from torch.nn import functional

from nnlab.engine import losses
from nnlab.engine.losses import Loss
from nnlab.settings import RunConfig, resolve
from nnlab.settings.data_facts import DataFacts

LABELS = ("cross_entropy", "nll", "bce", "hinge")
NUMBERS = ("mse", "l1", "huber")


def setting(loss: str, **settings: object) -> RunConfig:
    task = "regression" if loss in NUMBERS else "classification"
    return resolve(RunConfig(loss=loss, **settings), DataFacts(task))  # type: ignore[arg-type]


def trained(loss: str, **settings: object) -> Loss:
    return losses.build(setting(loss, **settings))


def scores(n: int = 12, c: int = 5, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs [n, c] and classes [n]."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, c, generator=generator), torch.randint(c, (n,), generator=generator)


def numbers() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(9, 1, generator=generator) * 2, torch.randn(9, 1, generator=generator)


def test_cross_entropy_by_mean_is_torchs_own_function() -> None:
    assert trained("cross_entropy") is functional.cross_entropy


@pytest.mark.parametrize(
    ("loss", "settings", "trusted"),
    [
        ("mse", {}, functional.mse_loss),
        ("l1", {}, functional.l1_loss),
        ("huber", {"huber_delta": 0.3}, torch.nn.HuberLoss(delta=0.3)),
    ],
)
def test_losses_of_numbers_are_torchs(
    loss: str, settings: dict[str, object], trusted: Callable[..., torch.Tensor]
) -> None:
    assert torch.equal(trained(loss, **settings)(*numbers()), trusted(*numbers()))


def test_huber_is_squared_near_and_linear_far() -> None:
    loss = trained("huber", huber_delta=2.0)
    zero = torch.zeros(1, 1)
    assert loss(torch.tensor([[1.0]]), zero).item() == 0.5
    assert loss(torch.tensor([[5.0]]), zero).item() == 2.0 * (5.0 - 1.0)


def test_nll_is_right_for_logits_and_for_log_probabilities() -> None:
    outputs, targets = scores()
    loss = trained("nll")
    assert torch.allclose(loss(outputs, targets), functional.cross_entropy(outputs, targets))
    logs = outputs.log_softmax(1)
    assert torch.allclose(loss(logs, targets), functional.nll_loss(logs, targets))


def test_bce_sums_each_class_against_the_rest() -> None:
    outputs = torch.tensor([[0.0, 2.0], [-1.0, 0.0]])
    targets = torch.tensor([1, 1])
    by_hand = -(np.log(0.5) + np.log(1 / (1 + np.exp(-2.0))))
    by_hand -= np.log(1 - 1 / (1 + np.exp(1.0))) + np.log(0.5)
    assert trained("bce")(outputs, targets).item() == pytest.approx(by_hand / 2)


def test_hinge_is_the_one_of_crammer_and_singer() -> None:
    outputs, targets = scores(40)
    trusted = hinge_loss(targets.numpy(), outputs.numpy(), labels=range(5))
    assert trained("hinge")(outputs, targets).item() == pytest.approx(trusted, rel=1e-6)


def test_the_gradient_of_hinge_pulls_the_right_output_and_pushes_the_best_wrong_one() -> None:
    outputs = torch.tensor([[0.5, 0.2, 0.4], [3.0, 0.0, 1.0]], requires_grad=True)
    trained("hinge", reduction="sum")(outputs, torch.tensor([0, 0])).backward()  # type: ignore[no-untyped-call]
    assert outputs.grad is not None
    # The second example is right by more than 1: it pulls at nothing.
    assert outputs.grad.tolist() == [[-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]


@pytest.mark.parametrize("loss", [*LABELS, *NUMBERS])
def test_the_sum_is_the_mean_times_the_examples(loss: str) -> None:
    outputs, targets = numbers() if loss in NUMBERS else scores()
    mean, total = trained(loss), trained(loss, reduction="sum")
    assert torch.allclose(total(outputs, targets), len(outputs) * mean(outputs, targets))


@given(smoothing=st.floats(0.0, 0.9), seed=st.integers(0, 99))
def test_label_smoothing_spreads_a_share_over_all_classes(smoothing: float, seed: int) -> None:
    outputs, targets = scores(seed=seed)
    spread = (1 - smoothing) * functional.one_hot(targets, 5) + smoothing / 5
    by_hand = -(spread * outputs.log_softmax(1)).sum(1).mean()
    loss = trained("cross_entropy", label_smoothing=smoothing)
    assert torch.allclose(loss(outputs, targets), by_hand, atol=1e-6)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_shares_of_one_class_are_that_class(loss: str, reduction: str) -> None:
    outputs, targets = scores()
    hard = trained(loss, reduction=reduction)
    shares = functional.one_hot(targets, 5).float()
    assert torch.allclose(hard(outputs, shares), hard(outputs, targets))
    measured = losses.build_eval_loss(setting(loss))
    assert torch.allclose(measured(outputs, shares), measured(outputs, targets))


@pytest.mark.parametrize("loss", [*LABELS, *NUMBERS])
def test_what_is_reported_does_not_depend_on_reduction_and_smoothing(loss: str) -> None:
    outputs, targets = numbers() if loss in NUMBERS else scores()
    plain = losses.build(setting(loss))(outputs, targets)
    settings: dict[str, object] = {"reduction": "sum"}
    if loss == "cross_entropy":
        settings["label_smoothing"] = 0.2
    reported = losses.build_eval_loss(setting(loss, **settings))(outputs, targets)
    assert torch.equal(reported, plain)


@pytest.mark.parametrize("loss", [*LABELS, *NUMBERS])
def test_gradients_agree_with_differences(loss: str) -> None:
    outputs, targets = numbers() if loss in NUMBERS else scores(4, 3)
    wide = targets.double() if loss in NUMBERS else targets
    function = trained(loss)
    assert torch.autograd.gradcheck(
        lambda inputs: function(inputs, wide), outputs.double().requires_grad_()
    )
