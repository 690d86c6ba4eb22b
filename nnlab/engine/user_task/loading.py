"""Loads the class of a user's task, and checks that nnlab can train it."""

from typing import Any

from nnlab.engine import user_code
from nnlab.engine.user_task.lightning import is_lightning_class, overridden_hooks
from nnlab.errors import UserCodeError


def load_task_class(reference: str) -> type[Any]:
    """The class that `--task` names.

    Raises:
        UserCodeError: there is no such class, it lacks `training_step` or `validation_step`, or it
            is a LightningModule that overrides hooks of the trainer.
    """
    loaded = user_code.load_object(reference)
    if not isinstance(loaded, type):
        raise UserCodeError(
            f"--task {reference} is of type {type(loaded).__name__}; nnlab needs a class with"
            " training_step and validation_step"
        )
    missing = [
        name
        for name in ("training_step", "validation_step")
        if not callable(getattr(loaded, name, None))
    ]
    if missing:
        raise UserCodeError(
            f"--task {reference} has no {' and no '.join(missing)}",
            hint="a task has the methods training_step(batch) and validation_step(batch)",
        )
    if is_lightning_class(loaded) and (hooks := overridden_hooks(loaded)):
        raise UserCodeError(
            f"--task {reference} overrides hooks of Lightning's trainer, which nnlab does not"
            f" call: {', '.join(hooks)}",
            hint="move their code to __init__, training_step or validation_step",
        )
    return loaded


def loader_method(task: object, split: str) -> str | None:
    """The name of the method of a task (or of its class) that returns a split's loader, or None.

    These are `train_loader`, `val_loader` and `test_loader`, or Lightning's `train_dataloader`, ...
    """
    own = f"{split}_loader"
    if callable(getattr(task, own, None)):
        return own
    name, kind = f"{split}_dataloader", task if isinstance(task, type) else type(task)
    method = getattr(kind, name, None)
    if not callable(method):
        return None
    # LightningModule itself defines these methods, but they only raise an error.
    is_defined = not is_lightning_class(kind) or not method.__module__.startswith(
        ("lightning.", "pytorch_lightning.")
    )
    return name if is_defined else None


def has_optimizers(task_class: type[Any]) -> bool:
    """Whether the class has a `configure_optimizers` of its own."""
    method = getattr(task_class, "configure_optimizers", None)
    if not callable(method):
        return False
    return not is_lightning_class(task_class) or not method.__module__.startswith(
        ("lightning.", "pytorch_lightning.")
    )
