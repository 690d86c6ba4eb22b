"""Which settings a plain script expresses exactly, and the error for all others."""

from collections.abc import Iterator, Mapping

from nnlab.errors import ConfigError
from nnlab.exchange.training_script.activations import ACTIVATION_MODULES
from nnlab.exchange.training_script.data import LOADERS
from nnlab.exchange.training_script.initialization import INITIALIZERS
from nnlab.exchange.training_script.loss import TRAINING_LOSSES
from nnlab.exchange.training_script.model import LAYER_FUNCTIONS, NORMS_OF_FEATURES, NORMS_OF_IMAGES
from nnlab.exchange.training_script.optimizer import OPTIMIZER_CALLS
from nnlab.exchange.training_script.schedule import FACTORS
from nnlab.settings import RunConfig, setting_fields
from nnlab.settings.registry import SettingField, value_of

# The choices that a script expresses, by field.
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "data": tuple(LOADERS),
    "inputs": ("standardise", "centre", "minmax", "none"),
    "augment": ("none",),
    "model": tuple(LAYER_FUNCTIONS),
    "activation": tuple(ACTIVATION_MODULES),
    "init": (*INITIALIZERS, "default"),
    "norm": ("none", *NORMS_OF_FEATURES, *NORMS_OF_IMAGES),
    "loss": tuple(TRAINING_LOSSES),
    "opt": tuple(OPTIMIZER_CALLS),
    "average": ("none",),
    "decay": tuple(FACTORS),
    "fan": ("in", "out"),
    "reduction": ("mean", "sum"),
    "dtype": ("float32", "float64"),
    "objective": ("val/accuracy:max", "val/loss:min", "val/rmse:min"),
}
# Fields with numbers or one of two words, which a script expresses with any value.
_EXPRESSED = frozenset(
    (
        *("classes", "rotate", "train_size", "label_noise", "val_fraction", "test_fraction"),
        *("split_seed",),
        *("width", "depth", "widths", "bottleneck", "slope", "init_scale", "init_gain"),
        *("bias_init", "norm_place", "norm_groups", "norm_momentum", "norm_eps", "dropout"),
        *("channel_dropout", "huber_delta", "label_smoothing", "class_weights"),
        *("l1", "l2", "lr", "momentum", "beta1", "beta2", "eps", "weight_decay", "memory"),
        *("inner_steps", "clip", "clip_value", "batch_size", "decay_rate", "decay_every"),
        *("decay_factor", "decay_at", "decay_power", "decay_patience", "decay_restarts"),
        *("decay_share", "decay_floor", "decay_per", "warmup", "epochs", "early_stop"),
        *("device", "seed"),
    )
)
# Fields that change what is measured or how fast, not what is trained.
_WITHOUT_EFFECT_ON_TRAINING = frozenset(("metrics", "exact_train", "probe", "threads"))


def check_expressible(config: RunConfig) -> None:
    """Checks that a script trains a resolved config to the same numbers.

    Raises:
        ConfigError: it does not; the message names every setting that prevents it.
    """
    problems = list(_inexpressible(config))
    if problems:
        raise ConfigError(
            [f"a plain script cannot express {problem}" for problem in problems],
            hint="nnlab.train(...) in Python trains any setting (docs/python.md)",
        )


def _inexpressible(config: RunConfig) -> Iterator[str]:
    wrong_choices = [
        name
        for name, names in _CHOICES.items()
        if (value := value_of(config, name)) is not None and value not in names
    ]
    for name in wrong_choices:
        flag, names = setting_fields()[name].flag, ", ".join(_CHOICES[name])
        yield f"{flag} {value_of(config, name)} (only {names})"
    for name, field in setting_fields().items():
        value = value_of(config, name)
        if name in _CHOICES or field.option.default_from in wrong_choices:
            continue  # an option of a choice that is named already
        if name not in _EXPRESSED | _WITHOUT_EFFECT_ON_TRAINING and not _is_neutral(field, value):
            yield field.flag if field.option.flag else f"{field.flag} {value}"
    for name, _ in config.arguments:
        yield f"--{name}"
    is_image_norm = config.model == "cnn"
    if config.norm in ("instance", "rms") and (config.norm == "rms") == is_image_norm:
        yield f"--norm {config.norm} in --model {config.model}"


def _is_neutral(field: SettingField, value: object) -> bool:
    """Whether a value of a field does what a script does that ignores the field."""
    return value is None or value in (field.default, field.option.no_effect_value)
