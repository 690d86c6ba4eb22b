"""The decays that a run without one suggests: where its training loss stops falling."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from nnlab.analysis.plateau import MIN_EPOCHS, fit_loss_trend
from nnlab.config import default_for_setting
from nnlab.errors import UsageError
from nnlab.objective import Scalar, Setting
from nnlab.records import History

METRIC = "train/loss"
STEP_FACTOR = 0.1


@dataclass(frozen=True, slots=True)
class DecayProposal:
    """A decay: the options that make it, and why it is so."""

    name: str
    options: Mapping[str, Scalar]
    why: str


@dataclass(frozen=True, slots=True)
class DecaySuggestion:
    """The last epoch of the loss's fall, None where it still falls, and why so.

    `proposals` are empty where there is nothing to decay.
    """

    epoch: int | None
    why: str
    proposals: tuple[DecayProposal, ...]


def find_decay(history: History, setting: Setting) -> DecaySuggestion:
    """Reads the decay off a run without one.

    Raises:
        UsageError: the run had a decay, is too short, or its loss is not positive and finite.
    """
    if setting.get("decay") != "none":
        raise UsageError(
            f"the run had --decay {setting.get('decay')}: where it would stall without is unknown",
            hint="train it with --decay none first",
        )
    if setting.get("lr") is None:
        raise UsageError(f"--opt {setting.get('opt')} has no learning rate to decay")
    curve = history.get(METRIC)
    losses = tuple(curve.values) if curve is not None else ()
    if len(losses) < MIN_EPOCHS:
        raise UsageError(
            f"{len(losses)} epochs are too few to tell a fall from noise; {MIN_EPOCHS} are needed"
        )
    if not all(0 < loss < math.inf for loss in losses):
        raise UsageError(f"{METRIC} is not positive and finite in every epoch")
    movement = fit_loss_trend(losses)
    epoch = movement.plateau.epoch if movement.plateau else None
    warmup = float(setting.get("warmup") or 0.0)
    if epoch is not None and epoch <= warmup:
        raise UsageError(f"the loss stalls at epoch {epoch}, inside the warmup of {warmup:g}")
    proposals = _decay_proposals(epoch, len(losses), warmup) if epoch is not None else ()
    return DecaySuggestion(epoch, movement.why, proposals)


def _decay_proposals(epoch: int, epochs: int, warmup: float) -> tuple[DecayProposal, ...]:
    """Steps where the loss stalls and halfway to the end; exp and inv that end as low."""
    halfway = epoch + (epochs - epoch) // 2
    steps = [epoch] + ([halfway] if epoch + 3 <= halfway < epochs else [])
    level = STEP_FACTOR ** len(steps)
    decaying = epochs - warmup
    exp, inverse = -math.log(level) / decaying, (1 / level - 1) / decaying
    told = " and ".join(str(step) for step in steps)
    return (
        DecayProposal(
            "multistep",
            {
                "decay": "multistep",
                "decay_at": ",".join(map(str, steps)),
                "decay_factor": STEP_FACTOR,
            },
            f"a tenth of lr at epoch {told}: where it stalls"
            + (", and halfway to the end" if len(steps) > 1 else ""),
        ),
        DecayProposal(
            "exp",
            {"decay": "exp", "decay_rate": _round_to_two_digits(exp)},
            f"reaches {level:g} of lr at epoch {epochs}, as the steps do",
        ),
        DecayProposal(
            "inv",
            {"decay": "inv", "decay_rate": _round_to_two_digits(inverse)},
            f"reaches {level:g} of lr at epoch {epochs}, as the steps do",
        ),
    )


def with_decay(setting: Setting, options: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """A setting whose decay is another one.

    >>> with_decay({"lr": 0.1, "decay": "none"}, {"decay": "exp", "decay_rate": 0.1})
    {'lr': 0.1, 'decay': 'exp', 'decay_rate': 0.1}
    """
    kept = {
        name: value
        for name, value in setting.items()
        if not name.startswith("decay") or name == "decay_per"
    }
    changed = {**kept, **options}
    assert all(default_for_setting(name, changed)[0] for name in options)
    return changed


def _round_to_two_digits(rate: float) -> float:
    return float(f"{rate:.2g}")
