"""The gradients that a run has evaluated, in gradients of the loss of the whole training split.

An epoch of an optimizer that evaluates one gradient per batch is one such gradient, whatever the
size of its batches. Second-order optimizers evaluate several per batch, and Hessian-vector
products, of which each costs about as much as two gradients (Pearlmutter 1994).
"""

from collections.abc import Sequence

from nnlab.engine.batches import steps_per_epoch
from nnlab.records import History, Run
from nnlab.settings import builtin_fields

_GRADIENTS, _PRODUCTS, _EXAMPLES = "cost/gradients", "cost/products", "data/train"
GRADIENT_METRICS = (_GRADIENTS, _PRODUCTS, _EXAMPLES)
_GRADIENTS_PER_PRODUCT = 2.0


def gradients_by_epoch(run: Run, history: History) -> Sequence[float]:
    """The number of gradients of each epoch, in gradients of the whole training split.

    Args:
        run: a run.
        history: its history, with `GRADIENT_METRICS`.
    """
    counted = history.get(_GRADIENTS)
    if counted is None:
        return [1.0] * run.epochs
    products = dict(history.get(_PRODUCTS) or ())
    steps = _steps_per_epoch(run, history)
    return [
        (gradients + _GRADIENTS_PER_PRODUCT * products.get(epoch, 0.0)) / steps
        for epoch, gradients in counted
    ]


def _steps_per_epoch(run: Run, history: History) -> int:
    """The number of batches of an epoch."""
    batch_size = builtin_fields(run.trial.setting).get("batch_size")
    examples = history.get(_EXAMPLES)
    if not isinstance(batch_size, int) or examples is None or not len(examples):
        return 1  # a full batch
    return steps_per_epoch(int(examples.values[0]), batch_size)
