"""`open_user_task`: the task of a config and the batches of its splits, ready to be trained."""

import hashlib
from dataclasses import dataclass
from typing import Any

import torch

from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.engine import models
from nnlab.engine.data.prepare import PreparedData, prepare_data
from nnlab.engine.models.model_facts import ModelFacts
from nnlab.engine.models.user_defined import available_arguments
from nnlab.engine.seeds import make_generator
from nnlab.engine.user_task.batch_sources import LoaderBatches, PreparedBatches, open_loader
from nnlab.engine.user_task.task import UserTask
from nnlab.errors import ConfigError, UserCodeError
from nnlab.settings import RunConfig

TaskBatches = LoaderBatches | PreparedBatches


@dataclass(frozen=True, slots=True)
class OpenedTask:
    """A user's task and its batches.

    Attributes:
        task: the task.
        train: the batches of the training split.
        val: those of the validation split.
        test: those of the test split; None if there is none.
        fingerprint: of the data of `--data`, or of the code of the loaders.
        data: the data of `--data`; None if the task has loaders.
        notes: what the user should know about the data.
    """

    task: UserTask
    train: TaskBatches
    val: TaskBatches
    test: TaskBatches | None
    fingerprint: str
    data: PreparedData | None = None
    notes: tuple[str, ...] = ()


def open_user_task(config: RunConfig, device: torch.device) -> OpenedTask:
    """The task of a resolved config with its batches.

    Raises:
        ConfigError: an option has no effect with the task.
        DataError: the data set of `--data` cannot be used.
        UserCodeError: the task cannot be built; the message has the user's file and line.
    """
    opened = (
        _open_with_loaders(config, device)
        if config.data == DEFINED_BY_TASK
        else _open_with_data(config, device)
    )
    if opened.task.steps_itself and (config.clip or config.clip_value):
        raise ConfigError(
            [
                f"--clip and --clip-value have no effect with --task {config.task}, which updates"
                " its weights itself"
            ]
        )
    return opened


def _open_with_data(config: RunConfig, device: torch.device) -> OpenedTask:
    data = prepare_data(config, device)
    facts = available_arguments(data.in_shape, data.num_outputs, ModelFacts.of(data))
    model: Any = None
    if config.model != DEFINED_BY_TASK:
        generator = make_generator(config.seed, "weights")
        model = models.build(
            config, data.in_shape, data.num_outputs, generator, facts=ModelFacts.of(data)
        )
    task = UserTask(config, device, data_facts=facts, model=model, dtype=data.dtype)
    sources = (
        PreparedBatches(config, data.train, shuffle=True),
        PreparedBatches(config, data.val, shuffle=False),
        PreparedBatches(config, data.test, shuffle=False),
    )
    return OpenedTask(task, *sources, data.fingerprint, data)


def _open_with_loaders(config: RunConfig, device: torch.device) -> OpenedTask:
    task = UserTask(config, device, dtype=torch.float64 if config.dtype == "float64" else None)
    train, val, test = (
        open_loader(task.instance, task.reference, split, config.seed)
        for split in ("train", "val", "test")
    )
    if train is None or val is None:
        raise UserCodeError(
            f"--task {task.reference} has no {'val' if train else 'train'}_loader",
            hint="a task with train_loader(seed) also needs val_loader()",
        )
    fingerprint = hashlib.sha256(f"{task.reference}/{config.task_version}".encode()).hexdigest()
    return OpenedTask(task, train, val, test, fingerprint[:16])
