"""RunConfig: every choice of a run, with default, limits, unit and help in one place.

The command line's options, the keys of a TOML file and the stored setting are all made from
the fields below. A field whose default is None takes it from the catalogue row that it belongs
to (`lr` from the optimizer, `width` from the model); where no chosen row names the field it
stays None, for it does nothing there.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, fields, replace
from functools import cache
from typing import Annotated, Any, get_args, get_type_hints

from annotated_types import Ge, Gt, Le, Lt

from nnlab.catalogue import Task, lookup
from nnlab.errors import ConfigError, UnknownName
from nnlab.objective import Objective, Scalar, Setting


@dataclass(frozen=True, slots=True)
class Option:
    """How a field shows itself to the user: help line, unit, panel of the help page.

    `kind` names the catalogue that its values come from; `of` the kind whose chosen row holds
    its default. `flag` makes it a switch on the command line.
    """

    help: str
    panel: str
    kind: str | None = None
    of: str | None = None
    unit: str = ""
    flag: bool = False


@dataclass(frozen=True, slots=True)
class DataFacts:
    """What a setting must know of its data set: the task, and for a file its content's hash."""

    task: Task
    version: str | None = None


_DATA, _MODEL, _OPTIM, _RUN = "Data", "Model", "Training", "Run"


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """One run: a setting and a seed. Made by `resolve`, which fills in what is left open."""

    data: Annotated[str, Option("data set", _DATA, kind="data")] = "digits"
    inputs: Annotated[str, Option("what is done to the inputs", _DATA, kind="inputs")] = (
        "standardise"
    )
    val_fraction: Annotated[
        float, Option("share of the data held out to select by", _DATA), Gt(0), Le(0.5)
    ] = 0.15
    test_fraction: Annotated[
        float, Option("share of the data opened once at the end", _DATA), Gt(0), Le(0.5)
    ] = 0.15
    split_seed: Annotated[
        int, Option("seed of the split; the same for all seeds of a trial", _DATA), Ge(0)
    ] = 0
    data_version: Annotated[str | None, "SHA-256 of a data file; None for a built-in set"] = None

    model: Annotated[str, Option("model", _MODEL, kind="model")] = "mlp"
    width: Annotated[
        int | None,
        Option("units (cnn: channels) of a layer", _MODEL, of="model"),
        Ge(1),
        Le(65536),
    ] = None
    depth: Annotated[
        int | None, Option("hidden layers (cnn: blocks)", _MODEL, of="model"), Ge(1), Le(1000)
    ] = None
    activation: Annotated[
        str | None, Option("activation function", _MODEL, kind="activation", of="model")
    ] = None
    init: Annotated[
        str | None, Option("initialisation of the weights", _MODEL, kind="init", of="model")
    ] = None
    norm: Annotated[str | None, Option("normalisation layer", _MODEL, kind="norm", of="model")] = (
        None
    )
    dropout: Annotated[
        float | None,
        Option("share of activations dropped while training", _MODEL, of="model"),
        Ge(0),
        Lt(1),
    ] = None

    loss: Annotated[
        str | None,
        Option(
            "loss; by the task: cross_entropy for classes, mse for numbers", _OPTIM, kind="loss"
        ),
    ] = None
    opt: Annotated[str, Option("optimizer", _OPTIM, kind="opt")] = "adam"
    lr: Annotated[
        float | None, Option("learning rate at the start", _OPTIM, of="opt"), Gt(0), Le(1000)
    ] = None
    momentum: Annotated[float | None, Option("momentum", _OPTIM, of="opt"), Ge(0), Lt(1)] = None
    beta1: Annotated[
        float | None, Option("memory of the mean gradient", _OPTIM, of="opt"), Ge(0), Lt(1)
    ] = None
    beta2: Annotated[
        float | None, Option("memory of the mean squared gradient", _OPTIM, of="opt"), Ge(0), Lt(1)
    ] = None
    weight_decay: Annotated[
        float | None, Option("weight decay, biases excepted", _OPTIM, of="opt"), Ge(0), Le(100)
    ] = None
    clip: Annotated[
        float, Option("largest gradient norm, longer ones are cut; 0 is off", _OPTIM), Ge(0)
    ] = 0.0
    decay: Annotated[str, Option("decay of the learning rate", _OPTIM, kind="decay")] = "none"
    decay_rate: Annotated[
        float | None, Option("k of exp and inv", _OPTIM, of="decay", unit="1/epoch"), Gt(0), Le(100)
    ] = None
    decay_every: Annotated[
        int | None, Option("length of a step", _OPTIM, of="decay", unit="epochs"), Ge(1)
    ] = None
    decay_factor: Annotated[
        float | None, Option("what a step multiplies by", _OPTIM, of="decay"), Gt(0), Lt(1)
    ] = None
    warmup: Annotated[
        float, Option("linear rise to lr before the decay", _OPTIM, unit="epochs"), Ge(0)
    ] = 0.0
    batch_size: Annotated[
        int, Option("examples in a step", _OPTIM, unit="examples"), Ge(1), Le(1_000_000)
    ] = 64
    epochs: Annotated[
        int, Option("passes over the training split", _OPTIM, unit="epochs"), Ge(1), Le(1_000_000)
    ] = 30
    early_stop: Annotated[
        int,
        Option("stop after so many epochs without a new best; 0 is off", _OPTIM, unit="epochs"),
        Ge(0),
    ] = 0
    objective: Annotated[
        str | None,
        Option(
            "metric:min|max that selects the epoch; by the task: val/accuracy:max, val/loss:min",
            _OPTIM,
        ),
    ] = None
    exact_train: Annotated[
        bool,
        Option("measure the training split again after each epoch, dropout off", _RUN, flag=True),
    ] = False
    device: Annotated[str, Option("device", _RUN, kind="device")] = "auto"
    dtype: Annotated[str, Option("number format", _RUN, kind="dtype")] = "float32"
    seed: Annotated[int, Option("seed of weights, order and dropout", _RUN), Ge(0)] = 0


@dataclass(frozen=True, slots=True)
class Choosable:
    """A field of RunConfig as the command line and the TOML file see it."""

    name: str
    annotation: Any
    option: Option
    limits: tuple[Ge | Gt | Le | Lt, ...]
    default: Scalar

    @property
    def flag(self) -> str:
        """The option's name on the command line: `--batch-size`."""
        return "--" + self.name.replace("_", "-")

    @property
    def base(self) -> type:
        """The type of a value that is not None: str, int, float or bool."""
        inner = [part for part in get_args(self.annotation) if part is not type(None)]
        found: type = inner[0] if inner else self.annotation
        return found


def _choosable(field: "Field[Any]", hint: Any) -> Choosable | None:
    kind, *extras = get_args(hint) if get_args(hint) else (hint,)
    options = [extra for extra in extras if isinstance(extra, Option)]
    if not options:
        return None
    limits = tuple(extra for extra in extras if isinstance(extra, Ge | Gt | Le | Lt))
    default = None if field.default is MISSING else field.default
    return Choosable(field.name, kind, options[0], limits, default)


@cache
def choosables() -> Mapping[str, Choosable]:
    """Every field that a user can set, by name, in the order of the help page."""
    hints = get_type_hints(RunConfig, include_extras=True)
    found = (_choosable(field, hints[field.name]) for field in fields(RunConfig))
    return {choosable.name: choosable for choosable in found if choosable is not None}


def parse_value(name: str, value: object) -> Scalar:
    """One value of a field, checked for its type, its limits and its catalogue.

    Args:
        name: a field of RunConfig.
        value: what was typed, or what a TOML file holds.

    Raises:
        ConfigError: names the option, the limit and the value got.
        UnknownName: a name that its catalogue does not have.
    """
    choosable = choosables()[name]
    parsed = _typed(choosable, value)
    if choosable.option.kind is not None:
        lookup(choosable.option.kind, str(parsed))
    if name == "objective":
        _check_objective(choosable, str(parsed))
    return parsed


def _typed(choosable: Choosable, value: object) -> Scalar:
    from pydantic import ConfigDict, TypeAdapter, ValidationError

    hint: Any = choosable.base
    if choosable.limits:
        hint = Annotated[(choosable.base, *choosable.limits)]
    if isinstance(value, bool) and choosable.base is not bool:
        raise ConfigError([f"{choosable.flag} must be {_noun(choosable.base)}, got {value}"])
    # A string "0.1" is a number where a number is wanted; nan and inf never are.
    adapter = TypeAdapter(hint, config=ConfigDict(allow_inf_nan=False))
    try:
        parsed: Scalar = adapter.validate_python(value)
    except ValidationError as error:
        raise ConfigError(
            [_sentence(choosable, value, problem) for problem in error.errors()]
        ) from None
    return parsed


def _noun(base: type) -> str:
    return {int: "a whole number", float: "a number", bool: "true or false"}.get(base, "text")


def _sentence(choosable: Choosable, value: object, problem: Any) -> str:
    limits = {
        "greater_than": "greater than {gt:g}",
        "greater_than_equal": "at least {ge:g}",
        "less_than": "less than {lt:g}",
        "less_than_equal": "at most {le:g}",
        "finite_number": "finite",
    }
    told = limits.get(problem["type"], _noun(choosable.base)).format(**problem.get("ctx", {}))
    return f"{choosable.flag} must be {told}, got {value if value != '' else 'nothing'}"


def _check_objective(choosable: Choosable, text: str) -> None:
    try:
        objective = Objective.parse(text)
    except ValueError as error:
        raise ConfigError([f"{choosable.flag} must be METRIC:min or METRIC:max: {error}"]) from None
    split = objective.metric.partition("/")[0]
    if split == "test":
        raise ConfigError(
            [f"{choosable.flag} {text}: the test split is opened once, at the end; select by val/…"]
        )
    measured = SELECTABLE["classification"] | SELECTABLE["regression"]
    if objective.metric not in measured:
        raise UnknownName("metric to select by", objective.metric, measured)


_QUANTITIES: Mapping[Task, tuple[str, ...]] = {
    "classification": ("loss", "accuracy"),
    "regression": ("loss", "rmse", "mae", "r2"),
}
SELECTABLE: Mapping[Task, frozenset[str]] = {
    task: frozenset(f"{split}/{quantity}" for split in ("train", "val") for quantity in quantities)
    for task, quantities in _QUANTITIES.items()
}
_OBJECTIVE: Mapping[Task, str] = {
    "classification": "val/accuracy:max",
    "regression": "val/loss:min",
}
_LOSS: Mapping[Task, str] = {"classification": "cross_entropy", "regression": "mse"}


def resolve(config: RunConfig, facts: DataFacts) -> RunConfig:
    """The same config with every open default filled in and what does nothing set to None.

    Raises:
        ConfigError: choices that do not fit together, all of them at once.
    """
    resolved: dict[str, Scalar] = {"data_version": facts.version}
    resolved["loss"] = config.loss or _LOSS[facts.task]
    resolved["objective"] = str(Objective.parse(config.objective or _OBJECTIVE[facts.task]))
    for name, choosable in choosables().items():
        if choosable.option.of is not None:
            row = lookup(choosable.option.of, getattr(config, choosable.option.of))
            given = getattr(config, name)
            default = row.defaults.get(name)
            resolved[name] = None if default is None else default if given is None else given
    done = replace(config, **resolved)  # type: ignore[arg-type]
    problems = _conflicts(done, facts)
    if problems:
        raise ConfigError(problems)
    return done


def _conflicts(config: RunConfig, facts: DataFacts) -> list[str]:
    problems = []
    if facts.task not in lookup("loss", config.loss or "").tasks:
        problems.append(f"--loss {config.loss} does not fit {config.data}, a {facts.task} task")
    objective = Objective.parse(config.objective or "")
    if objective.metric not in SELECTABLE[facts.task]:
        known = ", ".join(sorted(SELECTABLE[facts.task]))
        problems.append(
            f"--objective {objective} is not measured on {config.data}, a {facts.task} task;"
            f" measured are {known}"
        )
    if config.val_fraction + config.test_fraction >= 0.9:
        problems.append(
            f"--val-fraction {config.val_fraction} and --test-fraction {config.test_fraction}"
            " leave less than a tenth to train on"
        )
    if config.norm == "batch" and config.batch_size == 1:
        problems.append("--norm batch needs a --batch-size of at least 2, got 1")
    if config.warmup >= config.epochs:
        problems.append(f"--warmup {config.warmup:g} must be less than --epochs {config.epochs}")
    if config.opt == "nesterov" and config.momentum == 0:
        problems.append("--opt nesterov needs --momentum greater than 0, got 0")
    if config.dtype == "float16" and config.device == "cpu":
        problems.append("--dtype float16 needs a GPU (its loss is scaled there); try bfloat16")
    return problems


def matters(config: RunConfig, name: str) -> bool:
    """Whether a field does anything in a resolved config."""
    return getattr(config, name) is not None


def setting_of(config: RunConfig) -> Setting:
    """All choices of a resolved config but the seed, as stored with a trial."""
    return {
        field.name: getattr(config, field.name) for field in fields(config) if field.name != "seed"
    }


def config_of(setting: Setting, seed: int) -> RunConfig:
    """The config that a stored setting and a seed describe.

    Raises:
        ConfigError: the setting has a field that this version does not know.
    """
    known = {field.name for field in fields(RunConfig)}
    unknown = sorted(set(setting) - known)
    if unknown:
        raise ConfigError(
            [
                f"the stored setting has '{name}', which this version does not know"
                for name in unknown
            ],
            hint="a newer nnlab made this trial; upgrade nnlab to train it",
        )
    return RunConfig(**{**setting, "seed": seed})  # type: ignore[arg-type]


def digest_of(setting: Setting) -> str:
    """What identifies a setting: SHA-256, 16 hex digits, over its fields that do something.

    >>> digest_of({"lr": 0.1, "momentum": None}) == digest_of({"lr": 0.1})
    True
    """
    said = {name: value for name, value in setting.items() if value is not None}
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
