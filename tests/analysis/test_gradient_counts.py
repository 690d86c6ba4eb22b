"""Metrics read after a number of gradients, and the number of gradients to a level."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from nnlab.analysis.gradient_counts import gradients_by_epoch
from nnlab.analysis.run_value import read_run_value, required_metrics
from nnlab.records import Curve, History, Run, Scalar, Status, Trial

RUN = Run(
    id=1, trial=Trial(1, "s", {}, "d"), seed=0, repeat=0, current=True, status=Status.FINISHED,
    name=None, tags=(), epochs=3, epochs_planned=3, selected_epoch=3, data_fingerprint=None,
    parent_id=None, reason=None, wall_seconds=None, device_seconds=None,
    created_at=datetime.now(UTC), started_at=None, ended_at=None,
)  # fmt: skip
LOSS = (4.0, 2.0, 1.0)


def history(**curves: tuple[float, ...]) -> History:
    named = {name.replace("_", "/", 1): values for name, values in curves.items()}
    return History({name: Curve(name, tuple(range(1, len(v) + 1)), v) for name, v in named.items()})


def run_with(batch_size: Scalar) -> Run:
    return replace(RUN, trial=Trial(1, "s", {"opt": "lbfgs", "batch_size": batch_size}, "d"))


def test_an_epoch_of_a_first_order_optimizer_is_one_gradient() -> None:
    losses = history(val_loss=LOSS)
    assert gradients_by_epoch(RUN, losses) == [1.0, 1.0, 1.0]
    assert read_run_value(RUN, losses, "val/loss", "gradients 2") == 2.0
    assert read_run_value(RUN, losses, "val/loss", "gradients to 1") == 3.0


def test_full_batch_gradients_are_counted_as_stored() -> None:
    run = run_with(None)
    losses = history(val_loss=LOSS, cost_gradients=(7.0, 6.0, 6.0), data_train=(100.0,))
    assert gradients_by_epoch(run, losses) == [7.0, 6.0, 6.0]
    assert read_run_value(run, losses, "val/loss", "gradients 12.9") == 4.0
    assert read_run_value(run, losses, "val/loss", "gradients 13") == 2.0
    assert read_run_value(run, losses, "val/loss", "gradients 6") is None
    assert read_run_value(run, losses, "val/loss", "gradients to 2") == 13.0
    # A level that is never reached takes at least all gradients of the run.
    assert read_run_value(run, losses, "val/loss", "gradients to 0.1") == 19.0


def test_gradients_of_batches_count_as_parts_of_the_training_split() -> None:
    losses = history(val_loss=LOSS, cost_gradients=(20.0, 30.0, 30.0), data_train=(100.0,))
    assert gradients_by_epoch(run_with(10), losses) == [2.0, 3.0, 3.0]


def test_a_hessian_vector_product_counts_as_two_gradients() -> None:
    losses = history(val_loss=LOSS, cost_gradients=(1.0, 1.0, 1.0), cost_products=(4.0, 5.0, 6.0))
    assert gradients_by_epoch(run_with(None), losses) == [9.0, 11.0, 13.0]


def test_the_counts_are_loaded_only_if_they_are_needed() -> None:
    assert "cost/gradients" not in required_metrics(["val/loss"], ["seconds to 2"])
    for at in ("gradients 3", "gradients to 0.5"):
        assert {"cost/gradients", "cost/products", "data/train"} <= set(
            required_metrics(["val/loss"], [at])
        )


@pytest.mark.parametrize("total", [3, 30])
def test_sums_of_fractions_are_not_below_their_budget(total: int) -> None:
    """0.1 + 0.1 + 0.1 is more than 0.3 in binary fractions."""
    epochs = tuple(float(n) for n in range(total))
    losses = history(val_loss=epochs, cost_gradients=(1.0,) * total, data_train=(100.0,))
    at = f"gradients {total / 10:g}"
    assert read_run_value(run_with(10), losses, "val/loss", at) == total - 1
