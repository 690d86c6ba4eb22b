"""Conflicts between the choices of optimizer, schedule, penalties and precision, as messages."""

from nnlab.objective import format_exact
from nnlab.settings.fields import RunConfig


def training_conflicts(config: RunConfig) -> list[str]:
    """The conflicts that concern the training of a config with its defaults filled in."""
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
