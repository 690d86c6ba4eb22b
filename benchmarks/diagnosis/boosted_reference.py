"""A classifier for comparison: gradient boosting on measurements of the curves.

It is trained on the plain-torch runs of the fitted half and shows how much of the true risk the
curves contain: what it cannot detect is mostly hidden by the noise of small validation sets.
"""

from collections.abc import Sequence

import numpy as np
from diagnosis.score import ConfusionCounts, DiagnosedSpecimen, count_overfitting
from sklearn.ensemble import HistGradientBoostingClassifier

from nnlab.diagnosis.smoothing import low_median, oscillation_sd


def boosted_counts(
    fitted: Sequence[DiagnosedSpecimen], evaluated: Sequence[DiagnosedSpecimen]
) -> ConfusionCounts:
    """The counts on `evaluated` of a classifier that is trained on `fitted`."""
    known = [specimen for specimen in fitted if specimen.truth is not None]
    classifier = HistGradientBoostingClassifier(
        max_depth=3, learning_rate=0.06, max_iter=150, l2_regularization=1.0, random_state=0
    )
    classifier.fit([measurements(s) for s in known], [s.overfits for s in known])
    predicted = classifier.predict([measurements(s) for s in evaluated])
    positive = {id(s) for s, overfits in zip(evaluated, predicted, strict=True) if overfits}
    return count_overfitting(evaluated, lambda specimen: id(specimen) in positive)


def measurements(specimen: DiagnosedSpecimen) -> list[float]:
    """Rises of validation loss, its noise, the course of training loss, and accuracies."""
    curves = specimen.trained.curves
    train = np.array([value for _, value in curves["train/loss"]])
    val = np.array([value for _, value in curves["val/loss"]])
    n, tail = len(val), max(1, len(val) // 10)
    best = int(val.argmin())
    smooth = _smoothed(val, tail)
    smooth_best = int(smooth.argmin())
    rise = smooth[-1] - smooth[smooth_best]
    noise = oscillation_sd(val.tolist())
    last_train = low_median(train[-tail:].tolist())
    values = [
        low_median(val[-tail:].tolist()) / val[best] - 1,
        val[-1] / val[best] - 1,
        rise / smooth[smooth_best],
        rise / (noise + 1e-12),
        rise / (val.max() - val.min() + 1e-12),
        noise / val[best],
        smooth_best / n,
        best / n,
        n,
        last_train / train[best],
        last_train / train[smooth_best],
        train[-1] / val[-1],
        train.min() / train.max(),
    ]
    if "val/accuracy" not in curves:
        return [*map(float, values), np.nan, np.nan]
    accuracy = _smoothed(np.array([value for _, value in curves["val/accuracy"]]), tail)
    drop = accuracy.max() - accuracy[-1]
    return [*map(float, values), float(drop), curves["train/accuracy"][-1][1]]


def _smoothed(values: np.ndarray, width: int) -> np.ndarray:
    half = width // 2
    return np.array(
        [np.median(values[max(0, i - half) : i + half + 1]) for i in range(len(values))]
    )
