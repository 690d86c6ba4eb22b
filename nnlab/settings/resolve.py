"""Resolution of a configuration: fills in open defaults and reports conflicting choices."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from nnlab.catalogue import CATALOGUES, Task, find_choice
from nnlab.catalogue.models import AUTO
from nnlab.errors import ConfigError, PluginError, UnknownName, unknown_name_message
from nnlab.objective import (
    Direction,
    Objective,
    Scalar,
    direction_of,
    split_direction,
    unknown_direction_message,
)
from nnlab.settings.arguments import (
    ARGUMENT_COMPONENTS,
    Arguments,
    FindSignature,
    argument_flag,
    missing_problems,
    no_signature,
    split_argument,
    takes_arguments,
)
from nnlab.settings.class_selection import class_indices
from nnlab.settings.data_conflicts import data_conflicts
from nnlab.settings.data_facts import DataFacts
from nnlab.settings.fields import RunConfig
from nnlab.settings.loader_runs import length_conflicts, resolve_streaming
from nnlab.settings.metric_list import (
    TASK_METRICS,
    MetricReference,
    added_metrics,
    join_metrics,
    metric_conflicts,
)
from nnlab.settings.model_conflicts import model_conflicts
from nnlab.settings.model_of_data import chosen_model, model_data_conflicts
from nnlab.settings.plugin_versions import plugin_versions
from nnlab.settings.registry import (
    default_for_setting,
    is_builtin_value,
    setting_fields,
    value_of,
)
from nnlab.settings.training_conflicts import training_conflicts
from nnlab.settings.user_task import (
    replaced_by_task,
    task_directions,
    user_task_conflicts,
    with_task_definitions,
    without_unused_settings,
)

DEFAULT_TEST_FRACTION = 0.15


_DEFAULT_OBJECTIVE: Mapping[Task, str] = {
    "classification": "val/accuracy:max",
    "regression": "val/loss:min",
    "multilabel": "val/loss:min",
    "token_classification": "val/accuracy:max",
    "language_modeling": "val/loss:min",
    "segmentation": "val/mean_iou:max",
    "reconstruction": "val/loss:min",
    "unsupervised": "val/loss:min",
    "custom": "val/loss:min",
}
_DEFAULT_LOSS: Mapping[Task, str] = {
    "classification": "cross_entropy",
    "regression": "mse",
    "multilabel": "bce",
    "token_classification": "cross_entropy",
    "language_modeling": "cross_entropy",
    "segmentation": "cross_entropy",
    "reconstruction": "mse",
}
# The kinds of targets that a setting does not name: they follow from its data.
_TASKS_OF_DATA: tuple[Task, ...] = ("classification", "regression")


# Fields whose value may name user code, and the field that contains the SHA-256 of that code.
CODE_VERSION_FIELDS: Mapping[str, str] = {
    "model": "model_version",
    "loss": "loss_version",
    "opt": "opt_version",
    "decay": "decay_version",
    "task": "task_version",
}
# Fields that contain the version of what another field names: the SHA-256 of a file, a package.
VERSION_FIELDS = (
    "data_version",
    "split_version",
    "start_version",
    "metrics_version",
    "plugin_versions",
    "task_directions",
    *CODE_VERSION_FIELDS.values(),
)
# Fields that determine what is measured, not how a run is trained: no trials are compared by them.
MEASUREMENT_FIELDS = ("metrics",)


def is_task_default(name: str, setting: Mapping[str, Scalar]) -> bool:
    """Whether a field has the default value that `resolve` derives from the task of the data set.

    Args:
        name: a field of RunConfig.
        setting: a resolved setting.
    """
    if name == "test_fraction":
        return setting.get(name) in (None, DEFAULT_TEST_FRACTION)
    defaults: Mapping[Any, str] | None = {
        "loss": _DEFAULT_LOSS,
        "objective": _DEFAULT_OBJECTIVE,
    }.get(name)
    if defaults is None or setting.get("loss") is None:
        return False
    task = setting.get("task")
    tasks = set(find_choice("loss", str(setting["loss"])).tasks).intersection(_TASKS_OF_DATA)
    default_tasks = tasks if task in (None, *_TASKS_OF_DATA) else {task}
    return any(setting.get(name) == defaults.get(item) for item in default_tasks)


def resolve(
    config: RunConfig,
    facts: DataFacts,
    *,
    versions: Mapping[str, str | None] = MappingProxyType({}),
    start_version: str | None = None,
    signatures: FindSignature = no_signature,
) -> RunConfig:
    """The config with all open defaults filled in and fields without effect set to None.

    Args:
        config: as the user specified it.
        facts: properties of its data set.
        versions: SHA-256 of the user code and the split file that the config names, by the
            fields of `VERSION_FIELDS`.
        start_version: SHA-256 of the weights that `start_from` names.
        signatures: the signatures of user code; its arguments are not checked without them.

    Raises:
        ConfigError: conflicting choices; the message lists all conflicts.
    """
    specified, user_task = config, facts.user_task
    if user_task is not None:
        config = with_task_definitions(config, user_task)
    resolved: dict[str, Scalar] = {
        "model": chosen_model(config, facts),
        "data_version": facts.version,
        "start_version": start_version,
        "metrics_version": versions.get("metrics_version"),
        "split_version": versions.get("split_version"),
        **{name: versions.get(name) for name in CODE_VERSION_FIELDS.values()},
        "plugin_versions": plugin_versions(config),
        **resolve_streaming(config, streamed_only=facts.streamed_only),
    }
    if user_task is None and (facts.task not in _TASKS_OF_DATA or facts.num_targets > 1):
        # Runs of these kinds are trained differently, which their setting must show.
        resolved["task"] = facts.task
    if facts.has_tokens and config.inputs == setting_fields()["inputs"].default:
        resolved["inputs"] = "none"
    metrics = added_metrics(config.metrics, facts.task)
    objective, objective_problems = _resolve_objective(config, metrics, facts)
    # The objective says which values of its metric are better, if nothing else does.
    metrics = tuple(
        replace(metric, direction=objective.direction)
        if metric.direction is None and objective.metric.partition("/")[2] == metric.name
        else metric
        for metric in metrics
    )
    resolved["metrics"] = join_metrics(metrics)
    if user_task is None:
        resolved["loss"] = config.loss or _DEFAULT_LOSS.get(facts.task)
    else:
        resolved |= {"loss": None, "task_directions": task_directions(user_task)}
    if resolved["loss"] is None and facts.task == "unsupervised":
        raise ConfigError(
            [f"{config.data} has no targets: --loss file.py:NAME is a loss of the outputs"],
            hint="--task reconstruction learns to output the input",
        )
    resolved["objective"] = str(objective)
    resolved["test_fraction"] = (
        None
        if facts.own_test or config.split_file
        else config.test_fraction or DEFAULT_TEST_FRACTION
    )
    resolved["batch_size"] = config.batch_size or facts.batch_size
    filled = fill_defaults(replace(config, **resolved))  # type: ignore[arg-type]
    if user_task is not None:
        filled = without_unused_settings(filled, user_task)
    problems = [
        *objective_problems,
        *data_conflicts(config, filled, facts),
        *model_conflicts(config, filled),
        *model_data_conflicts(config, filled, facts),
        *training_conflicts(filled),
        *user_task_conflicts(specified, user_task),
        *length_conflicts(config, filled),
    ]
    if user_task is None:
        problems += metric_conflicts(metrics, facts.task, config.data, _class_count(config, facts))
    arguments = _resolve_arguments(filled, signatures, problems)
    if problems:
        raise ConfigError(problems)
    return replace(filled, arguments=arguments)


def _resolve_arguments(
    config: RunConfig, signatures: FindSignature, problems: list[str]
) -> Arguments:
    """The arguments that the selected user code accepts; appends to `problems`."""
    resolved: list[tuple[str, Scalar]] = []
    for component in ARGUMENT_COMPONENTS:
        choice = str(value_of(config, component))
        if not takes_arguments(component, choice):
            continue
        own = tuple(pair for pair in config.arguments if split_argument(pair[0])[0] == component)
        signature = signatures(component, choice, bool(own))
        if signature is None:
            resolved += own
            continue
        for name, value in own:
            parameter = signature.find_parameter(split_argument(name)[1])
            if parameter is None:
                continue
            try:
                resolved.append((name, parameter.parse(argument_flag(name), value)))
            except ConfigError as error:
                problems += error.problems
        problems += missing_problems(component, signature, tuple(resolved))
    return tuple(sorted(resolved))


def _resolve_objective(
    config: RunConfig, metrics: Sequence[MetricReference], facts: DataFacts
) -> tuple[Objective, list[str]]:
    """The objective with its direction, and what is wrong with it."""
    if config.objective is None:
        return Objective.parse(_DEFAULT_OBJECTIVE[facts.task]), []
    metric, direction = split_direction(config.objective)
    directions: dict[str, Direction | None] = {
        name: direction_of(name) for name in TASK_METRICS[facts.task]
    }
    directions |= {item.name: item.direction for item in metrics}
    quantity = metric.partition("/")[2]
    if facts.user_task is not None:
        # What a task logs is only known when it is trained.
        directions[quantity] = facts.user_task.directions.get(quantity) or direction_of(quantity)
    default = directions.get(quantity)
    objective = Objective(metric, direction or default or "min")
    if quantity not in directions:
        return objective, [_missing_objective_message(config, metric, directions, facts)]
    if direction is None and default is None:
        return objective, [f"--objective {metric}: {unknown_direction_message(metric)}"]
    return objective, []


def _missing_objective_message(
    config: RunConfig, metric: str, measured: Mapping[str, object], facts: DataFacts
) -> str:
    quantity = metric.partition("/")[2]
    if any(row.name == quantity and facts.task in row.tasks for row in CATALOGUES["metric"]):
        return f"--objective {metric} is not measured: --metrics {quantity} adds it"
    names = sorted(f"{split}/{name}" for split in ("train", "val") for name in measured)
    return (
        f"--objective {metric} is not available for {config.data}, a {facts.task} task:"
        f" {unknown_name_message('metric', metric, names)}"
    )


def _class_count(config: RunConfig, facts: DataFacts) -> int | None:
    """The number of classes of a run; None if it is unknown, or the selection is not valid."""
    if not facts.classes:
        return None
    if config.classes is None:
        return len(facts.classes)
    try:
        return len(class_indices(config.classes, facts.classes))
    except ConfigError:
        return None


def fill_defaults(config: RunConfig, *, is_stored: bool = False) -> RunConfig:
    """The config with the defaults of its catalogue rows; fields without effect become None.

    Args:
        config: as specified, or as stored.
        is_stored: whether the config is stored and so has all values that have an effect. Its
            plugins need not be installed then; their fields keep their values.

    Raises:
        UnknownName: there is no catalogue row for a value.
        PluginError: the plugin of a value cannot be used.
    """
    values: dict[str, Scalar] = {name: getattr(config, name) for name in setting_fields()}
    for name, field in setting_fields().items():
        # A field follows the field that it belongs to, so the latter already has its value.
        kind = field.option.default_from
        if kind is not None:
            try:
                has_default, default = default_for_setting(name, values)
            except (PluginError, UnknownName):
                if not is_stored or is_builtin_value(kind, values[kind]):
                    raise
                continue
            if not has_default:
                values[name] = None
            elif values[name] is None or (AUTO in field.option.words and values[name] == AUTO):
                values[name] = default
    if values["widths"] is not None:
        values["width"] = values["depth"] = None
    return replace(config, **values)  # type: ignore[arg-type]


def has_effect(config: RunConfig, name: str, specified: RunConfig | None = None) -> bool:
    """Whether a field has an effect in a resolved config.

    Args:
        config: resolved.
        name: the field.
        specified: the config before its resolution; a value that a user's task replaces has none.
    """
    if specified is not None and replaced_by_task(specified, config, name) is not None:
        return False
    return value_of(config, name) is not None


def hidden_widths(config: RunConfig) -> tuple[int, ...]:
    """Units of each hidden layer, from `widths`, or `depth` times `width`.

    With `bottleneck`, there are `depth` layers of `width` units on both sides of it.

    Raises:
        ValueError: the model has neither.
    """
    if config.widths is not None:
        return tuple(int(width) for width in config.widths.split(","))
    if config.width is None or config.depth is None:
        raise ValueError(f"--model {config.model} has no hidden layers of equal width")
    layers = (config.width,) * config.depth
    return layers if config.bottleneck is None else (*layers, config.bottleneck, *layers)
