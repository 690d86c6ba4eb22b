"""Simulated histories: parametric curves with a known noise-free validation loss.

They cover what cannot be trained in minutes: up to 100,000 epochs, grokking, adversarial pairs of
losses, and the curves of healthy runs that look unhealthy. The report lists them separately.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from diagnosis.curve_shapes import Values
from diagnosis.specimen import Specimen, TrainedSpecimen

DRAWS = 12
MAX_RISK_EPOCHS = 400


@dataclass(frozen=True, slots=True)
class Simulation:
    """Measured curves of a run, from epoch 1 on unless `epochs` has the positions of a curve.

    `risk` is the noise-free validation loss per epoch; None if it has no minimum to compare with.
    """

    curves: Mapping[str, Values]
    risk: Values | None = None
    epochs: Mapping[str, Sequence[int]] | None = None


Simulate = Callable[[np.random.Generator], Simulation]


@dataclass(frozen=True, slots=True)
class SimulatedKind:
    """A kind of simulated history.

    `truth` is the code that describes it, "" for a healthy run. `is_external` is true for curves
    under the names of another program.
    """

    simulate: Simulate
    half: str
    group: str
    truth: str
    accepted: tuple[str, ...] = ()
    is_external: bool = False
    draws: int = DRAWS


def simulated_specimens(kinds: Mapping[str, SimulatedKind], half: str) -> Iterator[TrainedSpecimen]:
    """All draws of the simulated kinds of a half; deterministic."""
    for name, kind in kinds.items():
        if kind.half == half:
            for seed in range(kind.draws):
                yield draw(name, kind, seed)


def draw(name: str, kind: SimulatedKind, seed: int) -> TrainedSpecimen:
    """One simulated history of a kind."""
    rng = np.random.default_rng([seed, *name.encode()])
    simulation = kind.simulate(rng)
    positions = simulation.epochs or {}
    curves = {
        metric: list(
            zip(
                map(int, positions.get(metric, range(1, len(values) + 1))),
                map(float, values),
                strict=True,
            )
        )
        for metric, values in simulation.curves.items()
    }
    risk = _thinned(simulation.risk) if simulation.risk is not None else []
    specimen = Specimen(
        f"simulated: {name}", kind.half, kind.truth, {}, seed, kind.accepted, kind.group
    )
    return TrainedSpecimen(specimen, {}, curves, risk, kind.is_external)


def _thinned(risk: Values) -> list[tuple[int, float]]:
    """The risk at up to about 400 epochs, the last among them, as of trained runs."""
    every = -(-len(risk) // MAX_RISK_EPOCHS)
    kept = range(len(risk) - 1, -1, -every)
    return [(index + 1, float(risk[index])) for index in reversed(kept)]
