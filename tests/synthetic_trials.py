"""Synthetic trials with curves, as figures receive them."""

import math
import random

from nnlab.figures.draw.series import Series
from nnlab.records import Curve, Finding, History, Severity

LONG = "opt=adam, lr=0.001, weight_decay=0.0005, dropout=0.5, width=256, decay=cosine, init="


def history(
    seed: int, n: int = 30, *, rate: float = 0.2, diverged_at: int | None = None, scale: float = 1.0
) -> History:
    draw = random.Random(seed)
    epochs = tuple(range(1, n + 1))
    alive = [diverged_at is None or epoch < diverged_at for epoch in epochs]
    train = [scale * (2 * math.exp(-rate * e) + 0.02 * draw.uniform(0.8, 1)) for e in epochs]
    val = [scale * (2 * math.exp(-0.8 * rate * e) + 0.3 + draw.gauss(0, 0.01)) for e in epochs]
    accuracy = [0.95 - 0.8 * math.exp(-rate * e) + draw.gauss(0, 0.003) for e in epochs]
    metrics = {
        "train/loss": train,
        "val/loss": val,
        "train/accuracy": [a + 0.03 for a in accuracy],
        "val/accuracy": accuracy,
    }
    return History(
        {
            name: Curve(
                name, epochs, tuple(v if ok else math.nan for v, ok in zip(vs, alive, strict=True))
            )
            for name, vs in metrics.items()
        }
    )


def overfits(onset: int) -> Finding:
    return Finding("NN101", "overfitting", Severity.WARNING, 0.9, onset, "", "", {})


def plateau(onset: int) -> Finding:
    return Finding("NN102", "validation plateau", Severity.INFO, 0.9, onset, "", "", {})


def many(trials: int, seeds: int, label: str = "lr=") -> list[Series]:
    return [
        Series(
            f"{label}{i}",
            tuple(history(100 * i + s, rate=0.1 + 0.3 * i / trials) for s in range(seeds)),
            (overfits(5 + 2 * i),) * seeds if i < 8 else (),
        )
        for i in range(trials)
    ]
