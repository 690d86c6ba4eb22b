"""The conditions under which runs can be trained as one program."""

from dataclasses import fields

from nnlab.engine.batched.optimizer_steps import STATE_NAMES
from nnlab.settings import RunConfig, is_loader_run

BATCHABLE_MODELS = frozenset(("linear", "mlp", "cnn", "resnet", "wide_resnet"))

# Fields that may differ between the runs of a batch.
PER_RUN_FIELDS = frozenset(
    (
        "seed", "init", "init_scale", "init_gain", "fan", "bias_init", "lr", "momentum", "beta1",
        "beta2", "eps", "weight_decay", "l1", "l2", "label_smoothing", "clip", "clip_value",
        "decay", "decay_rate", "decay_every", "decay_factor", "decay_at", "decay_power",
        "decay_patience", "decay_version", "decay_restarts", "decay_share", "decay_floor",
        "decay_per", "warmup", "epochs", "early_stop", "stop_on", "objective",
        "arguments",  # those of a schedule: batched runs have no other user code
    )
)  # fmt: skip
# Rates that may differ, but must be zero for all runs or for none: a rate above zero adds a layer
# to the model.
NOISE_RATE_FIELDS = frozenset(("dropout", "channel_dropout", "dropconnect", "stochastic_depth"))

_TABLES = ("csv:", "parquet:", "excel:")

GroupKey = tuple[object, ...]


def can_batch(config: RunConfig) -> bool:
    """Whether the run of a resolved config can be trained in a batch of runs."""
    return (
        config.model in BATCHABLE_MODELS
        and config.opt in STATE_NAMES
        and not is_loader_run(config)
        and config.max_time is None  # the runs of a batch would be timed together
        and config.sampling == "uniform"
        and "embed" not in (config.categories, config.many_categories)  # the batched layers lack it
        and config.task in (None, "classification", "regression")
        and config.target_separator is None
        and not _has_several_targets(config)
        and config.folds is None  # the runs of a trial have different training data
        and config.class_weights is None
        and config.pos_weight is None
        and config.loss_version is None
        and config.task_version is None
        and config.average == "none"
        and config.freeze is None
        and config.probe in ("none", "light")
        and config.dtype in ("float32", "float64", "tf32")
        and not config.compile
        and not config.channels_last
    )


def _has_several_targets(config: RunConfig) -> bool:
    """Whether the targets are several numbers, which only solo runs support.

    Resolution stores `--task regression` for them. A table names its target columns.
    """
    if config.data.startswith(_TABLES):
        return "," in config.data.rpartition("#")[2]
    return config.task == "regression"


def group_key(config: RunConfig) -> GroupKey:
    """The settings that all runs of a batch share: runs with equal keys can be batched."""
    return tuple(
        bool(getattr(config, field.name))
        if field.name in NOISE_RATE_FIELDS
        else getattr(config, field.name)
        for field in fields(config)
        if field.name not in PER_RUN_FIELDS
    )
