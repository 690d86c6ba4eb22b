"""The optimizers of `nnlab plot surface`: their settings, default rates, paths and outcomes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import trial_name
from nnlab.figures.untrained_settings import expand_settings
from nnlab.settings.setting_differences import distinguishing_fields
from nnlab.settings.space import TrialSpec

if TYPE_CHECKING:
    from nnlab.engine.loss_surfaces import LossSurface, Point
    from nnlab.engine.surface_paths import SurfacePath

DEFAULT_OPTIMIZERS: Final = "sgd,momentum,adam,lbfgs"
MAX_STEPS: Final = 20_000
MAX_PATHS: Final = 12
# Optimizers whose step is proportional to the gradient; the step of all others has a length.
_GRADIENT_STEPS: Final = ("sgd", "momentum", "nesterov")
# Factors of the default rates of a surface: heavy-ball momentum multiplies a constant gradient by
# 10, Adagrad's steps shrink, Adadelta's begin with the root of its eps.
_RATE_FACTORS: Final[Mapping[str, float]] = {
    "momentum": 0.3,
    "nesterov": 0.3,
    "adagrad": 10.0,
    "adadelta": 100.0,
    "rmsprop": 0.3,
    "lion": 0.3,
}
# A path has reached a point if it stays within this fraction of the diagonal of the drawn area.
_REACHED: Final = 0.01


@dataclass(frozen=True, slots=True)
class NamedPath:
    """The path of one setting: its name in the legend, its optimizer and its learning rate."""

    label: str
    opt: str
    lr: float | None
    path: "SurfacePath"

    @property
    def label_with_rate(self) -> str:
        """The label with the learning rate, for a legend of one surface."""
        if self.lr is None or "lr " in self.label:
            return self.label
        return f"{self.label}, lr {self.lr:g}"


@dataclass(frozen=True, slots=True)
class SurfacePaths:
    """A surface by its name, and the paths on it; the start is that of all paths."""

    name: str
    surface: "LossSurface"
    start: "Point"
    paths: tuple[NamedPath, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where a path ends: `at` is a kind of stationary point, `diverged`, or empty elsewhere.

    `gradients` is the number of gradient evaluations after which it stayed there.
    """

    at: str
    gradients: int


def follow_paths(
    names: Sequence[str],
    settings: Mapping[str, Any],
    *,
    start: "Point | None",
    steps: int | None,
    noise: float,
    seed: int,
) -> list[SurfacePaths]:
    """The paths of all settings on each surface.

    Args:
        names: of surfaces.
        settings: values by field; `lr` may be `sgd=0.1,adam=0.5`.
        start: None for that of each surface.
        steps: None for the number of each surface.
        noise: the sd of the noise of the gradient.
        seed: of the noise.

    Raises:
        ConfigError: invalid settings.
        UnknownName: no such surface.
        UsageError: an optimizer or a schedule cannot be used on a surface, too many steps, or a
            start far from the drawn area.
    """
    from nnlab.engine.loss_surfaces import SURFACES

    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise UsageError(f"--steps {steps}: from 1 to {MAX_STEPS:,}")
    if not 0 <= noise < math.inf:
        raise UsageError(f"--noise {noise:g}: a standard deviation is 0 or larger")
    for name in names:
        if name not in SURFACES:
            raise UnknownName("surface", name, SURFACES)
        if start is not None:
            _check_start(SURFACES[name], start)
    return [
        _paths_on(name, SURFACES[name], settings, start, steps, noise, seed, len(names) == 1)
        for name in dict.fromkeys(names)
    ]


def _check_start(surface: "LossSurface", start: "Point") -> None:
    # Imported only here, because it imports torch.
    from nnlab.engine.surface_paths import is_far

    if is_far(surface, start):
        (x_low, x_high), (y_low, y_high) = surface.xlim, surface.ylim
        raise UsageError(
            f"--start {start[0]:g},{start[1]:g}: too far from the drawn area",
            hint=f"{surface.title} is drawn for x from {x_low:g} to {x_high:g} and y from"
            f" {y_low:g} to {y_high:g}",
        )


def _paths_on(
    name: str,
    surface: "LossSurface",
    settings: Mapping[str, Any],
    start: "Point | None",
    steps: int | None,
    noise: float,
    seed: int,
    names_rate: bool,
) -> SurfacePaths:
    trials = _trials(surface, settings, steps or surface.steps)
    fields = distinguishing_fields([trial.setting for trial in trials])
    # Default values differ for each surface and optimizer, so they are no names of several panels.
    defaults = {"lr"} if not _is_grid(settings.get("lr")) else set()
    defaults |= {"inner_steps"} - set(settings)
    fields = tuple(field for field in fields if field not in defaults)
    # Importing torch takes one to two seconds, so it waits until the settings are checked.
    from nnlab.engine.surface_paths import follow_path

    first = start or surface.start
    paths = []
    for trial in trials:
        config = trial.config
        label = trial_name(trial.setting, fields) or trial_name(trial.setting, ("opt",))
        if names_rate and "lr" not in fields and config.lr is not None:
            label += f", lr {config.lr:g}"
        path = follow_path(surface, config, first, steps or surface.steps, noise=noise, seed=seed)
        paths.append(NamedPath(label, config.opt, config.lr, path))
    return SurfacePaths(name, surface, first, tuple(paths))


def _is_grid(rates: object) -> bool:
    """Whether the text of `--lr` has several rates for each optimizer."""
    return rates is not None and "=" not in str(rates)


def _trials(
    surface: "LossSurface", settings: Mapping[str, Any], steps: int
) -> tuple[TrialSpec, ...]:
    """The trials of the settings with the default rates of the surface."""
    chosen = {"opt": _default_optimizers(settings), **settings}
    rates = str(chosen.pop("lr", ""))
    rate_of = _rates_by_optimizer(rates)
    if rates and not rate_of:
        chosen["lr"] = rates
    trials = expand_settings({**chosen, "epochs": str(steps)})
    if len(trials) > MAX_PATHS:
        raise UsageError(
            f"{len(trials)} paths are too many to tell apart: at most {MAX_PATHS}",
            hint="fewer values of --opt or --lr",
        )
    if unused := set(rate_of) - {trial.config.opt for trial in trials if trial.config.lr}:
        raise UsageError(f"--lr {min(unused)}=...: no such optimizer with a rate in --opt")
    return tuple(
        _with_defaults(trial, surface, rate_of, keeps_rate="lr" in chosen, given=settings)
        for trial in trials
    )


def _default_optimizers(settings: Mapping[str, Any]) -> str:
    """The optimizers without `--opt`: all have a learning rate if the settings change it."""
    schedule = any(name.startswith(("decay", "warmup")) for name in settings)
    return DEFAULT_OPTIMIZERS.removesuffix(",lbfgs") if schedule else DEFAULT_OPTIMIZERS


def _rates_by_optimizer(text: str) -> dict[str, float]:
    """The rates of `sgd=0.1,adam=0.5`; empty for a text without `=`.

    Raises:
        UsageError: a part has no optimizer, or a rate is no positive number.
    """
    if "=" not in text:
        return {}
    rates = {}
    for part in text.split(","):
        name, _, value = part.partition("=")
        try:
            rate = float(value)
        except ValueError:
            rate = math.nan
        if not 0 < rate < math.inf:
            raise UsageError(f"--lr {part}: needs OPTIMIZER=RATE", hint="--lr sgd=0.1,adam=0.5")
        rates[name.strip()] = rate
    return rates


def _with_defaults(
    trial: TrialSpec,
    surface: "LossSurface",
    rate_of: Mapping[str, float],
    *,
    keeps_rate: bool,
    given: Mapping[str, Any],
) -> TrialSpec:
    """The trial with the rate of the surface, and one iteration of L-BFGS per step.

    Raises:
        UsageError: the optimizer or the schedule cannot be used on a surface.
    """
    config = trial.config
    if config.opt == "muon":
        raise UsageError("--opt muon orthogonalises matrices, and a point has none")
    if config.decay == "plateau":
        raise UsageError("--decay plateau needs a validation loss, and a surface has none")
    changes: dict[str, Any] = {}
    if config.lr is not None and not keeps_rate:
        changes["lr"] = rate_of.get(config.opt, _default_rate(surface, config.opt))
    if config.opt == "lbfgs" and "inner_steps" not in given:
        changes["inner_steps"] = 1
    return replace(trial, setting={**trial.setting, **changes}, config=replace(config, **changes))


def _default_rate(surface: "LossSurface", opt: str) -> float:
    base = surface.gradient_lr if opt in _GRADIENT_STEPS else surface.step_lr
    return float(f"{base * _RATE_FACTORS.get(opt, 1.0):.2g}")


def outcome(surface: "LossSurface", path: "SurfacePath") -> Outcome:
    """Where a path ends, and after how many gradients it stayed there."""
    if path.diverged:
        return Outcome("diverged", path.gradients[-1])
    radius = _REACHED * math.hypot(
        surface.xlim[1] - surface.xlim[0], surface.ylim[1] - surface.ylim[0]
    )
    for point in surface.stationary:
        if math.dist(path.points[-1], point.at) <= radius:
            outside = [i for i, p in enumerate(path.points) if math.dist(p, point.at) > radius]
            first = outside[-1] + 1 if outside else 0
            return Outcome(point.kind, path.gradients[first])
    return Outcome("", path.gradients[-1])


def outcome_notes(result: SurfacePaths) -> list[str]:
    """Which paths end where on a surface, one sentence for each kind of end."""
    groups: dict[str, list[str]] = {}
    for named in result.paths:
        end = outcome(result.surface, named.path)
        text = f"{named.label} (after {end.gradients:,} gradients)" if end.at else named.label
        groups.setdefault(end.at, []).append(text)
    words = {
        "minimum": "reached a global minimum",
        "local minimum": "stopped at a local minimum",
        "saddle point": "stopped at a saddle point",
        "diverged": "diverged",
        "": "not at a stationary point yet",
    }
    return [
        f"{result.surface.title}: {text}: {'; '.join(groups[kind])}"
        for kind, text in words.items()
        if kind in groups
    ]
