"""Resolution of a configuration: fills in open defaults and reports conflicting choices."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from nnlab.catalogue import Task, find_choice
from nnlab.config.class_selection import class_indices
from nnlab.config.fields import RunConfig
from nnlab.config.registry import default_for_setting, setting_fields
from nnlab.errors import ConfigError
from nnlab.objective import Objective, Scalar, format_exact

DEFAULT_TEST_FRACTION = 0.15


@dataclass(frozen=True, slots=True)
class DataFacts:
    """The properties of a data set that resolution depends on.

    Attributes:
        task: classification or regression.
        version: SHA-256 of a data file; None for a built-in data set.
        own_test: whether the data set has a test split of its own.
        own_val: whether the data set has a validation split of its own.
        classes: names of the classes; empty if they are unknown until the data is read.
        notes: what was detected in a file or left out of it.
    """

    task: Task
    version: str | None = None
    own_test: bool = False
    own_val: bool = False
    classes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


_QUANTITIES: Mapping[Task, tuple[str, ...]] = {
    "classification": ("loss", "accuracy"),
    "regression": ("loss", "rmse", "mae", "r2"),
}
OBJECTIVE_METRICS: Mapping[Task, frozenset[str]] = {
    task: frozenset(f"{split}/{quantity}" for split in ("train", "val") for quantity in quantities)
    for task, quantities in _QUANTITIES.items()
}
_DEFAULT_OBJECTIVE: Mapping[Task, str] = {
    "classification": "val/accuracy:max",
    "regression": "val/loss:min",
}
_DEFAULT_LOSS: Mapping[Task, str] = {"classification": "cross_entropy", "regression": "mse"}


# Fields whose value may name user code, and the field that contains the SHA-256 of that code.
CODE_VERSION_FIELDS: Mapping[str, str] = {
    "model": "model_version",
    "loss": "loss_version",
    "opt": "opt_version",
    "decay": "decay_version",
}
# Fields that contain the SHA-256 of the file that another field names.
VERSION_FIELDS = ("data_version", "split_version", "start_version", *CODE_VERSION_FIELDS.values())


def is_task_default(name: str, setting: Mapping[str, Scalar]) -> bool:
    """Whether a field has the default value that `resolve` derives from the task of the data set.

    Args:
        name: a field of RunConfig.
        setting: a resolved setting.
    """
    if name == "test_fraction":
        return setting.get(name) in (None, DEFAULT_TEST_FRACTION)
    defaults = {"loss": _DEFAULT_LOSS, "objective": _DEFAULT_OBJECTIVE}.get(name)
    if defaults is None or setting.get("loss") is None:
        return False
    tasks = find_choice("loss", str(setting["loss"])).tasks
    return any(setting.get(name) == defaults[task] for task in tasks)


def resolve(
    config: RunConfig,
    facts: DataFacts,
    *,
    versions: Mapping[str, str | None] = MappingProxyType({}),
    start_version: str | None = None,
) -> RunConfig:
    """The config with all open defaults filled in and fields without effect set to None.

    Args:
        config: as the user specified it.
        facts: properties of its data set.
        versions: SHA-256 of the user code and the split file that the config names, by the
            fields of `VERSION_FIELDS`.
        start_version: SHA-256 of the weights that `start_from` names.

    Raises:
        ConfigError: conflicting choices; the message lists all conflicts.
    """
    resolved: dict[str, Scalar] = {
        "data_version": facts.version,
        "start_version": start_version,
        "split_version": versions.get("split_version"),
        **{name: versions.get(name) for name in CODE_VERSION_FIELDS.values()},
    }
    resolved["loss"] = config.loss or _DEFAULT_LOSS[facts.task]
    resolved["objective"] = str(Objective.parse(config.objective or _DEFAULT_OBJECTIVE[facts.task]))
    resolved["test_fraction"] = (
        None
        if facts.own_test or config.split_file
        else config.test_fraction or DEFAULT_TEST_FRACTION
    )
    filled = fill_defaults(replace(config, **resolved))  # type: ignore[arg-type]
    problems = _conflicts(config, filled, facts)
    if problems:
        raise ConfigError(problems)
    return filled


def fill_defaults(config: RunConfig) -> RunConfig:
    """The config with the defaults of its catalogue rows; fields without effect become None."""
    values: dict[str, Scalar] = {name: getattr(config, name) for name in setting_fields()}
    for name, field in setting_fields().items():
        # A field follows the field that it belongs to, so the latter already has its value.
        if field.option.default_from is not None:
            has_default, default = default_for_setting(name, values)
            if not has_default:
                values[name] = None
            elif values[name] is None:
                values[name] = default
    if values["widths"] is not None:
        values["width"] = values["depth"] = None
    return replace(config, **values)  # type: ignore[arg-type]


def _conflicts(specified: RunConfig, config: RunConfig, facts: DataFacts) -> list[str]:
    return [
        *_data_conflicts(specified, config, facts),
        *_model_conflicts(specified, config),
        *_training_conflicts(config),
    ]


def _data_conflicts(specified: RunConfig, config: RunConfig, facts: DataFacts) -> list[str]:
    problems = []
    if facts.task not in find_choice("loss", config.loss or "").tasks:
        problems.append(f"--loss {config.loss} does not fit {config.data}, a {facts.task} task")
    objective = Objective.parse(config.objective or "")
    if objective.metric not in OBJECTIVE_METRICS[facts.task]:
        metrics = ", ".join(sorted(OBJECTIVE_METRICS[facts.task]))
        problems.append(
            f"--objective {objective} is not available for {config.data}, a {facts.task} task;"
            f" the metrics are {metrics}"
        )
    if facts.own_test and specified.test_fraction is not None:
        problems.append(
            f"--test-fraction has no effect with {config.data}: it has its own test split"
        )
    if facts.own_val and config.val_fraction != setting_fields()["val_fraction"].default:
        problems.append(
            f"--val-fraction has no effect with {config.data}: it has its own validation split"
        )
    problems += _split_conflicts(specified, config)
    if config.classes is not None and facts.classes:
        try:
            class_indices(config.classes, facts.classes)
        except ConfigError as error:
            problems += error.problems
    if config.val_fraction + (config.test_fraction or 0.0) >= 0.9:
        problems.append(
            f"--val-fraction {config.val_fraction} and --test-fraction {config.test_fraction}"
            " leave less than a tenth of the data for training"
        )
    if facts.task == "regression":
        problems += [
            f"--{name.replace('_', '-')} needs classes; {config.data} is a regression task"
            for name in ("classes", "label_noise", "mixup", "cutmix")
            if getattr(config, name)
        ]
        if config.sampling == "balanced":
            problems.append(f"--sampling balanced needs classes; {config.data} has numbers")
    if (config.mixup or config.cutmix) and config.loss not in ("cross_entropy", "bce"):
        problems.append(
            f"--mixup and --cutmix mix targets, which --loss {config.loss} does not support;"
            " cross_entropy and bce do"
        )
    return problems


def _split_conflicts(specified: RunConfig, config: RunConfig) -> list[str]:
    """Conflicts between the options that choose how the data is split."""
    chosen = {
        "--split-by": config.split_by,
        "--split-by-time": config.split_by_time,
        "--stratify-by": config.stratify_by,
        "--split-file": config.split_file,
    }
    problems = []
    flags = [flag for flag, value in chosen.items() if value is not None]
    if len(flags) > 1:
        problems.append(f"{' and '.join(flags)} exclude each other: use one of them")
    default_val = setting_fields()["val_fraction"].default
    if config.split_file is not None:
        if specified.test_fraction is not None or config.val_fraction != default_val:
            problems.append("--val-fraction and --test-fraction have no effect with --split-file")
        if config.folds is not None:
            problems.append("--folds and --split-file exclude each other: use one of them")
        if config.classes is not None:
            problems.append("--classes changes the rows that --split-file assigns: use one of them")
    elif config.folds is not None:
        if config.split_by_time is not None:
            problems.append("--folds would train on rows later than those of --split-by-time")
        if config.val_fraction != default_val:
            problems.append("--val-fraction has no effect with --folds: each fold is the share")
    return problems


def _model_conflicts(specified: RunConfig, config: RunConfig) -> list[str]:
    problems = []
    if config.widths is not None and (specified.width is not None or specified.depth is not None):
        problems.append("--widths sets every layer: use either --widths, or --width and --depth")
    problems += [*_shape_conflicts(config), *_norm_conflicts(config)]
    if config.activation == "maxout" and config.model in ("resnet", "wide_resnet"):
        problems.append(
            f"--activation maxout does not fit --model {config.model}, whose blocks keep their"
            " width; mlp, cnn and transformer support it"
        )
    if config.start_from is None:
        problems += [
            f"--{name.replace('_', '-')} {getattr(config, name)} needs --from: only"
            " pretrained weights can be frozen"
            for name in ("freeze", "unfreeze_at")
            if getattr(config, name)
        ]
    elif config.unfreeze_at and config.freeze is None:
        problems.append(f"--unfreeze-at {config.unfreeze_at} needs --freeze: nothing is frozen")
    return problems


# Residual networks: layers outside of the blocks, smallest and largest depth.
_RESIDUAL_DEPTHS: Mapping[str, tuple[int, int, int]] = {
    "resnet": (2, 8, 110),
    "wide_resnet": (4, 10, 100),
}


def _shape_conflicts(config: RunConfig) -> list[str]:
    """Conflicts of depth and width with the architecture."""
    problems = []
    if config.model in _RESIDUAL_DEPTHS and config.depth is not None:
        outside, smallest, largest = _RESIDUAL_DEPTHS[config.model]
        valid_depths = range(smallest, largest + 1, 6)
        if config.depth not in valid_depths:
            nearest = min(valid_depths, key=lambda depth: abs(depth - (config.depth or 0)))
            problems.append(
                f"--model {config.model} needs a --depth of 6n + {outside} from {smallest} to"
                f" {valid_depths[-1]}, got {config.depth}; the nearest is {nearest}"
            )
    if config.heads is not None and config.width is not None and config.width % config.heads:
        problems.append(
            f"--heads {config.heads} must divide --width {config.width}: all heads have the same"
            " width"
        )
    return problems


def _norm_conflicts(config: RunConfig) -> list[str]:
    """Conflicts of the normalisation with the model, the batch size or the width."""
    problems = []
    if config.norm == "batch" and config.batch_size == 1:
        problems.append("--norm batch needs a --batch-size of at least 2, got 1")
    if config.model == "transformer" and config.norm in ("batch", "group", "instance"):
        problems.append(
            f"--norm {config.norm} does not fit --model transformer; layer, rms and none do"
        )
    elif config.norm == "instance" and config.model == "mlp":
        problems.append("--norm instance needs images, which --model mlp flattens; use cnn")
    elif config.norm == "group":
        widths = config.widths.split(",") if config.widths else [str(config.width)]
        problems += [
            f"--norm-groups {config.norm_groups} must divide the {width} channels of"
            f" {'--widths' if config.widths else '--width'} {config.widths or width}"
            for width in dict.fromkeys(widths)
            if int(width) % (config.norm_groups or 1)
        ]
    if config.norm_place == "after" and config.model not in ("mlp", "cnn"):
        problems.append(
            f"--norm-place after does not fit --model {config.model}, which fixes the position"
            " of its normalisation; mlp and cnn support it"
        )
    return problems


def _training_conflicts(config: RunConfig) -> list[str]:
    problems = []
    if config.warmup >= config.epochs:
        problems.append(f"--warmup {config.warmup:g} must be less than --epochs {config.epochs}")
    else:
        problems += _decay_conflicts(config)
    if config.opt in ("momentum", "nesterov") and config.momentum == 0:
        problems.append(f"--opt {config.opt} needs --momentum greater than 0, got 0")
    if config.opt in ("lbfgs", "newton-cg"):
        problems += _second_order_conflicts(config)
    if config.dtype == "float16" and config.device == "cpu":
        problems.append("--dtype float16 needs a GPU (for loss scaling); try bfloat16")
    return problems


def _decay_conflicts(config: RunConfig) -> list[str]:
    """Conflicts between the schedule, its warmup and the number of epochs."""
    problems = []
    if config.decay == "onecycle" and config.warmup > 0:
        problems.append(
            f"--warmup {config.warmup:g} cannot be combined with --decay onecycle, which has its"
            " own warmup; --decay-share sets its length"
        )
    if config.decay == "wsd":
        fall = (config.decay_share or 0.0) * config.epochs
        if config.warmup + fall > config.epochs:
            problems.append(
                f"--warmup {config.warmup:g} and --decay-share {config.decay_share:g} of"
                f" --epochs {config.epochs} together exceed the length of the training"
            )
    if config.decay_at is not None:
        numbers = [float(part) for part in config.decay_at.split(",")]
        epochs = numbers if max(numbers) >= 1 else [share * config.epochs for share in numbers]
        problems += [
            f"--decay-at {format_exact(number)} must be after --warmup {config.warmup:g} and before"
            f" --epochs {config.epochs}"
            for number, epoch in zip(numbers, epochs, strict=True)
            if not config.warmup < epoch < config.epochs
        ]
    return problems


def _second_order_conflicts(config: RunConfig) -> list[str]:
    """Conflicts of an optimizer that has no learning rate and evaluates the loss repeatedly."""
    problems = []
    if config.decay != "none" or config.warmup > 0:
        problems.append(
            f"--decay and --warmup have no effect with --opt {config.opt}: it has no lr"
        )
    if config.clip or config.clip_value:
        problems.append(
            f"--clip and --clip-value have no effect with --opt {config.opt}: its line search"
            " limits the step"
        )
    if config.head_lr_factor != 1.0 or config.depth_lr_factor != 1.0:
        problems.append(
            f"--head-lr-factor and --depth-lr-factor have no effect with --opt {config.opt}:"
            " it has no lr"
        )
    if config.dtype == "float16":
        problems.append(f"--opt {config.opt} does not work with --dtype float16")
    if config.opt == "newton-cg" and config.compile:
        problems.append(
            "--opt newton-cg needs second derivatives, which --compile does not support"
        )
    return problems


def has_effect(config: RunConfig, name: str) -> bool:
    """Whether a field has an effect in a resolved config."""
    return getattr(config, name) is not None


def hidden_widths(config: RunConfig) -> tuple[int, ...]:
    """Units of each hidden layer, from `widths`, or `depth` times `width`.

    Raises:
        ValueError: the model has neither.
    """
    if config.widths is not None:
        return tuple(int(width) for width in config.widths.split(","))
    if config.width is None or config.depth is None:
        raise ValueError(f"--model {config.model} has no hidden layers of equal width")
    return (config.width,) * config.depth
