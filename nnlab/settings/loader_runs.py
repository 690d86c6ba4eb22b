"""Runs over loaders: which they are, and their length in steps (`--steps`, `--max-time`)."""

import math
from collections.abc import Mapping

from nnlab.objective import Scalar
from nnlab.settings.durations import parse_duration
from nnlab.settings.fields import RunConfig

# Evaluations of a run of --steps, unless --eval-every is given.
_DEFAULT_EVALUATIONS = 10
_MAX_EPOCHS = 1_000_000


def is_loader_run(config: RunConfig) -> bool:
    """Whether the run of a resolved config reads its batches from loaders."""
    return config.stream or (config.task is not None and ":" in config.task)


def resolve_streaming(config: RunConfig, *, streamed_only: bool) -> Mapping[str, Scalar]:
    """Whether the data is streamed, and the fields that `--steps` sets.

    With `--steps` an epoch is `eval_every` steps of streamed data. The loaders of a user's task
    are no data set that is streamed.

    Args:
        config: as specified.
        streamed_only: whether the data set cannot be held in memory.
    """
    is_task = config.task is not None and ":" in config.task
    wants_stream = config.stream or streamed_only or config.steps is not None
    resolved: dict[str, Scalar] = {"stream": wants_stream and not is_task}
    if config.steps is not None:
        every = config.eval_every or math.ceil(config.steps / _DEFAULT_EVALUATIONS)
        resolved |= {"eval_every": every, "epochs": math.ceil(config.steps / every)}
    return resolved


def length_conflicts(specified: RunConfig, config: RunConfig) -> list[str]:
    """The conflicts between the options for the length of a run.

    Args:
        specified: as the user specified it.
        config: the same with its defaults filled in.
    """
    problems = []
    if config.max_time is not None and parse_duration(config.max_time) is None:
        problems.append(f"--max-time {config.max_time} is no duration; use 90s, 30m or 2h")
    if config.steps is None:
        if config.eval_every is not None:
            problems.append("--eval-every needs --steps: runs of epochs are evaluated after each")
    elif specified.epochs not in (RunConfig.epochs, config.epochs):
        problems.append("--epochs and --steps exclude each other: use one of them")
    elif config.epochs > _MAX_EPOCHS:
        problems.append(
            f"--steps {config.steps} with --eval-every {config.eval_every} gives"
            f" {config.epochs:,} evaluations; at most {_MAX_EPOCHS:,} are possible"
        )
    return problems + _choice_conflicts(config)


def _choice_conflicts(config: RunConfig) -> list[str]:
    """The choices that need the data in memory."""
    if not is_loader_run(config):
        return []
    uses: Mapping[str, bool] = {
        "--mixup": bool(config.mixup),
        "--cutmix": bool(config.cutmix),
        "--exact-train": config.exact_train,
        "--channels-last": config.channels_last,
        "--class-weights balanced": config.class_weights == "balanced",
        "--probe full": config.probe == "full",
        f"--opt {config.opt}": config.opt in ("lbfgs", "newton-cg"),
    }
    return [
        f"{option} does not work with streamed data, whose batches are read one by one"
        for option, is_used in uses.items()
        if is_used
    ]
