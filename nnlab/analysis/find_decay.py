"""Learning rate decays proposed from the plateau of a run without decay (`nnlab find-decay`)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.analysis.plateau import MIN_EPOCHS, fit_loss_trend
from nnlab.errors import UsageError
from nnlab.objective import Scalar, Setting
from nnlab.records import History
from nnlab.settings.plugin_versions import drop_plugin_version

METRIC = "train/loss"
STEP_FACTOR = 0.1


@dataclass(frozen=True, slots=True)
class DecayProposal:
    """A learning rate decay as options of a setting, with the reason for its parameters."""

    name: str
    options: Mapping[str, Scalar]
    why: str


@dataclass(frozen=True, slots=True)
class DecaySuggestion:
    """The epoch at which the loss stops falling, and the decays that follow from it.

    `epoch` is None while the loss is still falling, and `proposals` is then empty. `why` is the
    reason as a sentence.
    """

    epoch: int | None
    why: str
    proposals: tuple[DecayProposal, ...]


def find_decay(history: History, setting: Setting) -> DecaySuggestion:
    """The decays suggested by the training loss of a run without decay.

    Raises:
        UsageError: the run had a decay or is too short, or its loss is not positive and finite.
    """
    if setting.get("decay") != "none":
        raise UsageError(
            f"the run had --decay {setting.get('decay')}: the plateau without decay is unknown",
            hint="train it with --decay none first",
        )
    if setting.get("lr") is None:
        raise UsageError(f"--opt {setting.get('opt')} has no learning rate to decay")
    curve = history.get(METRIC)
    losses = tuple(curve.values) if curve is not None else ()
    if len(losses) < MIN_EPOCHS:
        raise UsageError(
            f"{len(losses)} epochs are too few to separate a trend from noise;"
            f" {MIN_EPOCHS} are needed"
        )
    if not all(0 < loss < math.inf for loss in losses):
        raise UsageError(f"{METRIC} is not positive and finite in every epoch")
    trend = fit_loss_trend(losses)
    epoch = trend.plateau.epoch if trend.plateau else None
    warmup = float(setting.get("warmup") or 0.0)
    if epoch is not None and epoch <= warmup:
        raise UsageError(f"the loss plateaus at epoch {epoch}, within the warmup of {warmup:g}")
    proposals = _decay_proposals(epoch, len(losses), warmup) if epoch is not None else ()
    return DecaySuggestion(epoch, trend.why, proposals)


def _decay_proposals(epoch: int, epochs: int, warmup: float) -> tuple[DecayProposal, ...]:
    """Steps at the plateau and halfway to the end; exp and inv that end at the same rate."""
    halfway = epoch + (epochs - epoch) // 2
    steps = [epoch] + ([halfway] if epoch + 3 <= halfway < epochs else [])
    final_fraction = STEP_FACTOR ** len(steps)
    decay_epochs = epochs - warmup
    exp_rate = -math.log(final_fraction) / decay_epochs
    inverse_rate = (1 / final_fraction - 1) / decay_epochs
    steps_text = " and ".join(str(step) for step in steps)
    return (
        DecayProposal(
            "multistep",
            {
                "decay": "multistep",
                "decay_at": ",".join(map(str, steps)),
                "decay_factor": STEP_FACTOR,
            },
            f"a tenth of lr at epoch {steps_text}: where the loss plateaus"
            + (", and halfway to the end" if len(steps) > 1 else ""),
        ),
        DecayProposal(
            "exp",
            {"decay": "exp", "decay_rate": _round_to_two_digits(exp_rate)},
            f"reaches {final_fraction:g} of lr at epoch {epochs}, as the steps do",
        ),
        DecayProposal(
            "inv",
            {"decay": "inv", "decay_rate": _round_to_two_digits(inverse_rate)},
            f"reaches {final_fraction:g} of lr at epoch {epochs}, as the steps do",
        ),
    )


def with_decay(setting: Setting, options: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """A setting with its decay replaced by other decay options.

    >>> with_decay({"lr": 0.1, "decay": "none"}, {"decay": "exp", "decay_rate": 0.1})
    {'lr': 0.1, 'decay': 'exp', 'decay_rate': 0.1}
    """
    kept = {
        name: value
        for name, value in setting.items()
        if not name.startswith("decay") or name == "decay_per"
    }
    changed = {**kept, **options}
    if setting.get("plugin_versions"):
        versions = drop_plugin_version(str(setting["plugin_versions"]), "decay")
        changed["plugin_versions"] = versions
    return changed


def _round_to_two_digits(rate: float) -> float:
    return float(f"{rate:.2g}")
