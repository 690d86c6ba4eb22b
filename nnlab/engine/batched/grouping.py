"""Which runs can be trained as one program: those that do the same with other numbers."""

from dataclasses import fields

from nnlab.config import RunConfig
from nnlab.engine.batched.optimizer_steps import STATE_NAMES

BATCHABLE_MODELS = frozenset(("linear", "mlp", "cnn", "resnet", "wide_resnet"))

# What each run of a stack may have for itself.
PER_RUN_FIELDS = frozenset(
    (
        "seed", "init", "init_scale", "fan", "bias_init", "lr", "momentum", "beta1", "beta2", "eps",
        "weight_decay", "l1", "l2", "label_smoothing", "clip", "clip_value", "decay", "decay_rate",
        "decay_every", "decay_factor", "decay_at", "decay_power", "decay_patience",
        "decay_restarts", "decay_share", "decay_floor", "decay_per", "warmup", "epochs",
        "early_stop", "stop_on", "objective",
    )
)  # fmt: skip
# A rate that each may have for itself, if all or none have one: it puts a layer into the model.
NOISE_RATE_FIELDS = frozenset(("dropout", "channel_dropout", "dropconnect", "stochastic_depth"))

GroupKey = tuple[object, ...]


def can_batch(config: RunConfig) -> bool:
    """Whether a resolved config describes a run that a stack can train."""
    return (
        config.model in BATCHABLE_MODELS
        and config.opt in STATE_NAMES
        and config.average == "none"
        and config.freeze is None
        and config.probe in ("none", "light")
        and config.dtype in ("float32", "float64", "tf32")
        and not config.compile
        and not config.channels_last
    )


def group_key(config: RunConfig) -> GroupKey:
    """What the runs of a stack have in common."""
    return tuple(
        bool(getattr(config, field.name))
        if field.name in NOISE_RATE_FIELDS
        else getattr(config, field.name)
        for field in fields(config)
        if field.name not in PER_RUN_FIELDS
    )
