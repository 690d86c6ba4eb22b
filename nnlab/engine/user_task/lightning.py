"""LightningModules as user tasks, without Lightning's trainer; nothing here imports Lightning."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

_PACKAGES = ("lightning.", "pytorch_lightning.")
_HOOK_CLASSES = ("ModelHooks", "DataHooks", "CheckpointHooks")
# Methods of these classes that nnlab calls itself, or that only prediction uses.
_SUPPORTED = frozenset(
    ("train_dataloader", "val_dataloader", "test_dataloader", "predict_dataloader")
)
# Methods of LightningModule that only the trainer calls.
_TRAINER_METHODS = (
    *("configure_callbacks", "configure_gradient_clipping", "optimizer_step"),
    *("optimizer_zero_grad", "lr_scheduler_step", "backward"),
)


def is_lightning_class(task_class: type[Any]) -> bool:
    """Whether a class is a LightningModule of `lightning` or `pytorch_lightning`."""
    return _lightning_module(task_class) is not None


def _lightning_module(task_class: type[Any]) -> type[Any] | None:
    return next((c for c in task_class.__mro__ if _is_of_lightning(c, "LightningModule")), None)


def _is_of_lightning(kind: type[Any], *names: str) -> bool:
    return kind.__name__ in names and kind.__module__.startswith(_PACKAGES)


def overridden_hooks(task_class: type[Any]) -> tuple[str, ...]:
    """The hooks of the trainer that a LightningModule overrides, in alphabetical order."""
    base = _lightning_module(task_class)
    if base is None:
        return ()
    hooks = {
        name
        for kind in base.__mro__
        if _is_of_lightning(kind, *_HOOK_CLASSES)
        for name in vars(kind)
        if not name.startswith("_")
    }
    names = (hooks | set(_TRAINER_METHODS)) - _SUPPORTED
    return tuple(sorted(n for n in names if getattr(task_class, n) is not getattr(base, n)))


class TrainerView:
    """What a LightningModule may read from `self.trainer` although there is no trainer."""

    def __init__(self, facts: Callable[[], Mapping[str, Any]]) -> None:
        self._facts = facts

    def __getattr__(self, name: str) -> Any:
        facts = object.__getattribute__(self, "_facts")()
        if name in facts:
            return facts[name]
        raise AttributeError(
            f"nnlab trains without Lightning's trainer: self.trainer.{name} does not exist;"
            f" {', '.join(facts)} do"
        )


def without_trainer(
    task_class: type[nn.Module], methods: Mapping[str, Any], facts: Callable[[], Mapping[str, Any]]
) -> type[nn.Module]:
    """A subclass of a LightningModule that works without a trainer.

    Args:
        task_class: the user's class.
        methods: replacements of the methods that need a trainer, such as `log`.
        facts: returns what the trainer would know: current_epoch, global_step, optimizers.
    """
    view = TrainerView(facts)
    members: dict[str, Any] = {
        **{name: staticmethod(method) for name, method in methods.items()},
        "trainer": property(lambda _: view),
        "current_epoch": property(lambda _: facts()["current_epoch"]),
        "global_step": property(lambda _: facts()["global_step"]),
        # Errors and checkpoints show the user's own class.
        "__module__": task_class.__module__,
        "__qualname__": task_class.__qualname__,
        "__doc__": task_class.__doc__,
    }
    return type(task_class.__name__, (task_class,), members)
