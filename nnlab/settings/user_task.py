"""User tasks in a setting: what `--task file.py:NAME` defines in place of other options."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from nnlab.catalogue import is_user_code
from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.objective import Direction, Scalar
from nnlab.settings.fields import RunConfig
from nnlab.settings.registry import setting_fields

# The fields that may have this value, and the part of the task that defines them.
TASK_DEFINITIONS: Mapping[str, str] = {
    "data": "train_loader",
    "model": "modules",
    "opt": "configure_optimizers",
    "decay": "configure_optimizers",
}
# Fields of a setting that a task receives if its constructor has a parameter of that name.
PASSED_SETTINGS = ("seed", "epochs", "batch_size", "lr", "momentum", "weight_decay")

# Fields that change how nnlab computes a loss, batches, weights or metrics; a user task computes
# them itself.
_FIELDS_WITHOUT_EFFECT = (
    *("label_noise", "sampling", "augment", "mixup", "cutmix", "reduction", "l1", "l2", "average"),
    *("freeze", "start_from", "probe", "exact_train", "metrics", "compile", "channels_last"),
)
# The same for a task that provides its own data.
_DATA_FIELDS = (
    *("classes", "rotate", "train_size", "inputs", "val_fraction", "split_seed", "stratify_by"),
    *("split_by", "split_by_time", "split_file", "folds"),
)


@dataclass(frozen=True, slots=True)
class UserTaskFacts:
    """The properties of a user's task that the resolution of a setting depends on.

    Attributes:
        reference: the user code, such as `gan.py:GAN`.
        parameters: the names of the parameters of its constructor.
        has_loaders: whether it has `train_loader`.
        has_optimizers: whether it has `configure_optimizers`.
        directions: of its metrics, as far as they are known before the training.
    """

    reference: str
    parameters: frozenset[str] = frozenset()
    has_loaders: bool = False
    has_optimizers: bool = False
    directions: Mapping[str, Direction] = field(default_factory=dict)


def is_user_task(config: RunConfig) -> bool:
    """Whether a config trains a user's task."""
    return is_user_code("task", config.task)


def with_task_definitions(config: RunConfig, task: UserTaskFacts) -> RunConfig:
    """The config in which the fields that a task defines have the value `task`."""
    values: dict[str, Scalar] = {}
    if task.has_loaders:
        values |= {"data": DEFINED_BY_TASK}
        if config.inputs == setting_fields()["inputs"].default:
            values |= {"inputs": "none"}
    if "model" not in task.parameters:
        values |= {"model": DEFINED_BY_TASK}
    if task.has_optimizers:
        values |= {"opt": DEFINED_BY_TASK, "decay": DEFINED_BY_TASK}
    return replace(config, **values)  # type: ignore[arg-type]


def without_unused_settings(config: RunConfig, task: UserTaskFacts) -> RunConfig:
    """The config without the values that neither nnlab nor the task reads.

    Args:
        config: with its defaults filled in.
        task: of the config.
    """
    unused = [
        name
        for name, is_read in (
            *((name, not task.has_optimizers) for name in ("lr", "momentum", "weight_decay")),
            ("batch_size", not task.has_loaders),
        )
        if not is_read and name not in task.parameters
    ]
    return replace(config, **dict.fromkeys(unused))  # type: ignore[arg-type]


def task_directions(task: UserTaskFacts) -> str | None:
    """The directions of a task's metrics as a setting stores them; None if none is known."""
    return ",".join(f"{name}:{way}" for name, way in sorted(task.directions.items())) or None


def replaced_by_task(specified: RunConfig, resolved: RunConfig, name: str) -> str | None:
    """The part of a task that defines a field in place of its specified value; None if none does.

    Args:
        specified: the config as the user specified it.
        resolved: the same after its resolution.
        name: a field.
    """
    if name not in TASK_DEFINITIONS or getattr(resolved, name) != DEFINED_BY_TASK:
        return None
    return None if getattr(specified, name) == DEFINED_BY_TASK else TASK_DEFINITIONS[name]


def user_task_conflicts(specified: RunConfig, task: UserTaskFacts | None) -> list[str]:
    """The options that do not fit a user's task, and the choices that need one."""
    fields = setting_fields()
    if task is None:
        return [
            f"{fields[name].flag} {DEFINED_BY_TASK} needs --task file.py:NAME"
            for name in TASK_DEFINITIONS
            if getattr(specified, name) == DEFINED_BY_TASK
        ]
    problems = [
        f"{fields[name].flag} has no effect with --task {task.reference}, which computes its own"
        " loss and metrics"
        for name in _FIELDS_WITHOUT_EFFECT
        if name in fields and getattr(specified, name) != fields[name].default
    ]
    if task.has_loaders:
        problems += [
            f"{fields[name].flag} has no effect with --task {task.reference}: its train_loader"
            " provides the data"
            for name in _DATA_FIELDS
            if getattr(specified, name) != fields[name].default
            and (name, getattr(specified, name)) != ("inputs", "none")
        ]
    elif specified.data == DEFINED_BY_TASK:
        problems.append(f"--data {DEFINED_BY_TASK}: --task {task.reference} has no train_loader")
    if task.has_optimizers and specified.warmup > 0:
        problems.append(
            f"--warmup has no effect with --task {task.reference}, which has configure_optimizers"
        )
    return problems
