"""Conflicts between the choices of architecture, normalisation and frozen layers, as messages."""

from collections.abc import Mapping

from nnlab.settings.fields import RunConfig


def model_conflicts(specified: RunConfig, config: RunConfig) -> list[str]:
    """The conflicts that concern the model of a config.

    Args:
        specified: as the user specified it.
        config: the same with its defaults filled in.
    """
    problems = []
    if config.widths is not None and (specified.width is not None or specified.depth is not None):
        problems.append("--widths sets every layer: use either --widths, or --width and --depth")
    if config.widths is not None and config.bottleneck is not None:
        problems.append(
            "--widths sets every layer: list the bottleneck among --widths, as in 64,8,64"
        )
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
        if config.widths is not None:
            channels = dict.fromkeys(config.widths.split(","), f"--widths {config.widths}")
        else:
            channels = {str(config.width): f"--width {config.width}"}
        if config.bottleneck is not None:
            channels |= {str(config.bottleneck): f"--bottleneck {config.bottleneck}"}
        problems += [
            f"--norm-groups {config.norm_groups} must divide the {width} channels of {option}"
            for width, option in channels.items()
            if int(width) % (config.norm_groups or 1)
        ]
    if config.norm_place == "after" and config.model not in ("mlp", "cnn", "unet"):
        problems.append(
            f"--norm-place after does not fit --model {config.model}, which fixes the position"
            " of its normalisation; mlp, cnn and unet support it"
        )
    return problems
