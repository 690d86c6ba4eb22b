"""The value of `metrics`: names of the catalogue and references to user code, with directions.

A user's metric has the name of its function or class: `file.py:gini:max` is measured as
`val/gini`, and higher values are better. The stored text contains every direction that is known,
so a ranking needs no user code.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab.catalogue import Choice, Task, choice_names, find_choice
from nnlab.catalogue.metrics import MetricChoice
from nnlab.errors import ConfigError
from nnlab.objective import (
    Direction,
    Setting,
    direction_of,
    split_direction,
    wrong_direction_message,
)
from nnlab.settings.external import builtin_fields
from nnlab.settings.fields import RunConfig

# Metrics of every run, in the order in which they are shown.
TASK_METRICS: Mapping[Task, tuple[str, ...]] = {
    "classification": ("loss", "accuracy"),
    "regression": ("loss", "rmse", "mae", "r2"),
    "multilabel": ("loss", "accuracy", "exact_match", "f1"),
    "token_classification": ("loss", "accuracy"),
    "language_modeling": ("loss", "perplexity", "accuracy"),
    "segmentation": ("loss", "accuracy", "mean_iou"),
    "reconstruction": ("loss", "rmse", "mae"),
    "unsupervised": ("loss",),
    "custom": ("loss",),
}
# Names that no metric of a user can have, whatever the task.
_RESERVED_NAMES = frozenset((*TASK_METRICS["classification"], *TASK_METRICS["regression"]))
_USER_CODE = "module:"


@dataclass(frozen=True, slots=True)
class MetricReference:
    """A metric that `--metrics` names: a name of the catalogue, or a reference to user code.

    `direction` is None if it is unknown whether lower or higher values are better.
    """

    reference: str
    direction: Direction | None

    @property
    def name(self) -> str:
        """The name without the split: `gini` for `file.py:gini`."""
        return self.reference.rpartition(":")[2]

    @property
    def is_user_defined(self) -> bool:
        """Whether the reference is user code."""
        return ":" in self.reference

    @property
    def choice(self) -> Choice:
        """The catalogue row."""
        return find_choice("metric", self.reference)

    def __str__(self) -> str:
        shows_direction = self.is_user_defined and self.direction is not None
        return f"{self.reference}:{self.direction}" if shows_direction else self.reference


def parse_metrics(text: str) -> tuple[MetricReference, ...]:
    """The metrics of a text such as `f1,auroc,file.py:gini:max`, in one order for each set.

    Raises:
        UnknownName: a name is neither in the catalogue nor a reference to user code.
        ConfigError: a direction contradicts the catalogue, or two metrics have one name.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ConfigError(["--metrics needs a value, got nothing"])
    references = dict.fromkeys(_parse_reference(part) for part in parts)
    order = {name: index for index, name in enumerate(choice_names("metric"))}
    metrics = sorted(
        references, key=lambda item: (order.get(item.reference, len(order)), str(item))
    )
    _check_names(metrics)
    return tuple(metrics)


def _check_names(metrics: Sequence[MetricReference]) -> None:
    owners = {name: name for name in _RESERVED_NAMES}
    for metric in metrics:
        owner = owners.setdefault(metric.name, metric.reference)
        if owner != metric.reference:
            raise ConfigError(
                [
                    f"--metrics: {owner} and {metric.reference} have the same name {metric.name};"
                    " rename one of them"
                ]
            )
    if len({metric.reference for metric in metrics}) < len(metrics):
        raise ConfigError(["--metrics: a metric has one direction, :min or :max, not both"])


def _parse_reference(part: str) -> MetricReference:
    reference, direction = split_direction(part)
    if reference != part and reference not in choice_names("metric") and ":" not in reference:
        reference, direction = part, None  # a function that is called `max`
    _check_direction(part, reference)
    row = find_choice("metric", reference)
    if row.name == _USER_CODE:
        return MetricReference(reference, direction)
    own = direction_of(row.name)
    if direction not in (None, own):
        raise ConfigError(
            [f"--metrics {part}: {'lower' if own == 'min' else 'higher'} values of it are better"]
        )
    return MetricReference(reference, own)


def _check_direction(part: str, reference: str) -> None:
    """Checks that a third text, such as that of `file.py:gini:up`, is a direction.

    Raises:
        ConfigError: it is neither min nor max.
    """
    metric, _, end = reference.rpartition(":")
    location, _, name = metric.rpartition(":")
    if (location and name.isidentifier()) or metric in choice_names("metric"):
        raise ConfigError([f"--metrics {part}: {wrong_direction_message(metric, end)}"])


def join_metrics(metrics: Iterable[MetricReference]) -> str | None:
    """The text that `parse_metrics` reads; None if there are no metrics."""
    return ",".join(map(str, metrics)) or None


def added_metrics(text: str | None, task: Task) -> tuple[MetricReference, ...]:
    """The metrics of a text without those that every run of the task has."""
    metrics = parse_metrics(text) if text else ()
    return tuple(metric for metric in metrics if metric.reference not in TASK_METRICS[task])


def metric_conflicts(
    metrics: Iterable[MetricReference], task: Task, data: str, classes: int | None
) -> list[str]:
    """What is wrong with these metrics for a data set.

    Args:
        metrics: the added metrics.
        task: of the data set.
        data: the name of the data set.
        classes: the number of classes; None if it is unknown.
    """
    problems = []
    for metric in metrics:
        row = metric.choice
        if metric.is_user_defined and metric.name in TASK_METRICS[task]:
            problems.append(
                f"--metrics {metric.reference} has the name of {metric.name}, which every {task}"
                " run has; rename it"
            )
        elif task not in row.tasks:
            problems.append(f"--metrics {metric.name} does not fit {data}, a {task} task")
        elif isinstance(row, MetricChoice) and classes is not None and row.top_k >= classes:
            problems.append(
                f"--metrics {row.name} needs more than {row.top_k} classes; {data} has {classes}"
            )
    return problems


def without_metrics(config: RunConfig) -> RunConfig:
    """The config of the same run without added metrics, for commands that compute none.

    They need neither the user's files nor torchmetrics.
    """
    return replace(config, metrics=None, metrics_version=None)


def metric_directions(*settings: Setting) -> Mapping[str, Direction]:
    """The directions that settings give to the metrics of users, by full names as `val/gini`.

    A metric that has different directions in different settings is left out.
    """
    directions: dict[str, set[Direction]] = {}
    for setting in settings:
        for name, direction in _directions_of(setting):
            directions.setdefault(name, set()).add(direction)
    return {name: next(iter(values)) for name, values in directions.items() if len(values) == 1}


def metric_direction(metric: str, *settings: Setting) -> Direction | None:
    """The direction of a metric: as the settings say, or else by its name; None if unknown."""
    return metric_directions(*settings).get(metric) or direction_of(metric)


def _directions_of(setting: Setting) -> Iterator[tuple[str, Direction]]:
    setting = builtin_fields(setting)
    # A stored setting may be of a later version, so its names are not checked.
    for part in str(setting.get("task_directions") or "").split(","):
        name, direction = split_direction(part)
        if direction is not None:
            yield from ((f"{split}/{name}", direction) for split in ("train", "val", "test"))
    for part in str(setting.get("metrics") or "").split(","):
        reference, direction = split_direction(part)
        if direction is not None and ":" in reference:
            name = reference.rpartition(":")[2]
            for metric in (f"train/{name}", f"train/{name}_exact", f"val/{name}", f"test/{name}"):
                yield metric, direction
