"""`describe_user_task`: what the resolution of a setting must know about a user's task."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from nnlab.engine.signatures import PASSED_TO_MODELS
from nnlab.engine.user_task.loading import has_optimizers, load_task_class, loader_method
from nnlab.engine.user_task.logged_metrics import directions_of
from nnlab.objective import Direction
from nnlab.settings.user_task import PASSED_SETTINGS, UserTaskFacts

# Values of the parameters that nnlab passes, for an object that is built only to be asked for its
# metrics before the data is read.
_PLACEHOLDERS: Mapping[str, object] = {
    "in_shape": (1,),
    "in_features": 1,
    "in_channels": 1,
    "outputs": 2,
    "num_classes": 2,
    "seed": 0,
    "epochs": 1,
    "batch_size": 1,
    "lr": 0.001,
    "momentum": 0.0,
    "weight_decay": 0.0,
}


def describe_user_task(reference: str) -> UserTaskFacts:
    """The facts about the class that `--task` names, whose file is executed.

    Raises:
        UserCodeError: the class does not exist or cannot be trained.
    """
    task_class = load_task_class(reference)
    parameters = frozenset(inspect.signature(task_class).parameters)
    return UserTaskFacts(
        reference,
        parameters & (PASSED_TO_MODELS | {"model", *PASSED_SETTINGS}),
        has_loaders=loader_method(task_class, "train") is not None,
        has_optimizers=has_optimizers(task_class),
        directions=_read_directions(task_class),
    )


def _read_directions(task_class: type[Any]) -> Mapping[str, Direction]:
    """The directions of the metrics of `configure_metrics`; empty if they cannot be read.

    Rankings need them without the user's code, so they are stored with the setting. The task is
    built for this on torch's meta device, which allocates no weights. If its constructor needs real
    values, the directions stay unknown here, and its errors are reported when it is trained.
    """
    if not callable(getattr(task_class, "configure_metrics", None)):
        return {}
    parameters = inspect.signature(task_class).parameters
    values = {**_PLACEHOLDERS, "model": nn.Identity()}
    try:
        with torch.random.fork_rng(devices=[]), torch.device("meta"):
            task = task_class(**{name: values[name] for name in parameters if name in values})
        return directions_of(task.configure_metrics())
    except Exception:  # noqa: BLE001  the user's constructor may raise anything
        return {}
