"""Where a run without decay stops falling, and the decays that this suggests.

The logarithm of the training loss is followed by windows. A window's slope is compared with its
standard error, from the noise between neighbouring epochs; the run has stalled from the first
window on that does not fall by more than twice that, if nearly all later ones do not either.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab.config import default_in
from nnlab.errors import UsageError
from nnlab.objective import Scalar, Setting
from nnlab.records import History

METRIC = "train/loss"
FEWEST_EPOCHS = 12
# Standard errors that a slope must lie below 0 to count as falling.
FALLING = 2.0
# Share of the later windows that must have stalled too: some fall by chance.
LASTING = 0.8
FACTOR = 0.1
# From the sd of second differences of white noise, and from a median deviation to an sd.
_SECOND, _MAD = math.sqrt(6.0), 1.4826


@dataclass(frozen=True, slots=True)
class Proposal:
    """A decay: the options that make it, and why it is so."""

    name: str
    options: Mapping[str, Scalar]
    why: str


@dataclass(frozen=True, slots=True)
class Stall:
    """Where the loss stopped falling; `epoch` is None where it still falls.

    `before` is the fall of the loss per epoch up to there, `noise` the sd of its noise, both as
    shares of the loss. `proposals` are empty where there is nothing to decay.
    """

    epochs: int
    epoch: int | None
    before: float
    noise: float
    proposals: tuple[Proposal, ...]

    @property
    def why(self) -> str:
        """What was seen, in a sentence."""
        fall = f"{METRIC} fell {self.before:.1%} per epoch"
        if self.epoch is None:
            return f"{fall} to the end, against noise of ±{self.noise:.1%}: nothing to decay yet"
        return f"{fall} until {self.epoch}; from there noise of ±{self.noise:.1%} dominates"


def find_decay(history: History, setting: Setting) -> Stall:
    """Reads the decay off a run without one.

    Raises:
        UsageError: the run had a decay, is too short, or its loss is not positive and finite.
    """
    if setting.get("decay") != "none":
        raise UsageError(
            f"the run had --decay {setting.get('decay')}: where it would stall without is unknown",
            hint="train it with --decay none first",
        )
    curve = history.get(METRIC)
    losses = tuple(curve.values) if curve is not None else ()
    if len(losses) < FEWEST_EPOCHS:
        raise UsageError(
            f"{len(losses)} epochs are too few to tell a fall from noise;"
            f" {FEWEST_EPOCHS} are needed"
        )
    if not all(math.isfinite(loss) and loss > 0 for loss in losses):
        raise UsageError(f"{METRIC} is not positive and finite in every epoch")
    logs = [math.log(loss) for loss in losses]
    noise = noise_of(logs)
    epoch = stalled_at(logs, noise)
    before = _fall(logs[: epoch if epoch is not None else len(logs)])
    proposals = _proposals(epoch, len(logs)) if epoch is not None else ()
    return Stall(len(logs), epoch, before, noise, proposals)


def noise_of(values: Sequence[float]) -> float:
    """The sd of white noise on a smooth curve, from its second differences, robustly."""
    second = [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    late = second[len(second) // 3 :]  # the first fall is steep, and no noise
    return _MAD * statistics.median(map(abs, late)) / _SECOND


def stalled_at(values: Sequence[float], noise: float) -> int | None:
    """The epoch, from 1, from which values no longer fall; None where they fall to the end."""
    width = max(5, len(values) // 6)
    spread = math.sqrt(sum((i - (width - 1) / 2) ** 2 for i in range(width)))
    falls = [
        _slope(values[begin : begin + width]) < -FALLING * noise / spread
        for begin in range(len(values) - width + 1)
    ]
    for begin, falling in enumerate(falls):
        later = falls[begin:]
        if not falling and later.count(False) >= LASTING * len(later):
            return begin + 1
    return None


def _proposals(epoch: int, epochs: int) -> tuple[Proposal, ...]:
    """Steps where the loss stalls and halfway to the end; exp and inv that end as low."""
    halfway = epoch + (epochs - epoch) // 2
    steps = [epoch] + ([halfway] if epoch + 3 <= halfway < epochs else [])
    level = FACTOR ** len(steps)
    exp, inverse = -math.log(level) / epochs, (1 / level - 1) / epochs
    told = " and ".join(str(step) for step in steps)
    return (
        Proposal(
            "multistep",
            {
                "decay": "multistep",
                "decay_at": ",".join(map(str, steps)),
                "decay_factor": FACTOR,
            },
            f"a tenth of lr at epoch {told}: where it stalls"
            + (", and halfway to the end" if len(steps) > 1 else ""),
        ),
        Proposal(
            "exp",
            {"decay": "exp", "decay_rate": _rounded(exp)},
            f"reaches {level:g} of lr at epoch {epochs}, as the steps do",
        ),
        Proposal(
            "inv",
            {"decay": "inv", "decay_rate": _rounded(inverse)},
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
    assert all(default_in(name, changed)[0] for name in options)
    return changed


def _fall(logs: Sequence[float]) -> float:
    """The mean share that a loss loses in an epoch."""
    if len(logs) < 2:
        return 0.0
    return 1.0 - math.exp((logs[-1] - logs[0]) / (len(logs) - 1))


def _slope(values: Sequence[float]) -> float:
    middle = (len(values) - 1) / 2
    top = math.fsum((i - middle) * value for i, value in enumerate(values))
    return top / math.fsum((i - middle) ** 2 for i in range(len(values)))


def _rounded(rate: float) -> float:
    return float(f"{rate:.2g}")
