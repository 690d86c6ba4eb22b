"""Columns of `compare --test-set-noise`: what the finite validation or test set leaves uncertain.

The predictions of the weights that the runs kept are computed again, so that trials are compared
example by example. Where the weights are missing, or are not those of the ranked epoch, only the
number of examples is used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nnlab import store
from nnlab.analysis.metric_resolution import example_counts
from nnlab.analysis.records import ExtraColumn, RankingRow
from nnlab.errors import NnlabError, UsageError, UserCodeRefused
from nnlab.io.text import format_count
from nnlab.objective import Objective
from nnlab.records import Run
from nnlab.stats import format_interval
from nnlab.stats.paired_predictions import (
    ExamplePairedDifference,
    SampleNoise,
    accuracy_noise,
    area_noise,
    binomial_noise,
    compare_accuracies,
    compare_areas,
)
from nnlab.stats.rounding import describe_p
from nnlab.workers.initial_weights import MODEL_ARTIFACT_KIND

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nnlab.analysis.predictions import Predictions

NOISE_KEY: Final = "test_set_noise"
DIFFERENCE_KEY: Final = "difference_by_example"

_SPLIT_NAMES: Final = {"val": "validation", "test": "test"}
_ACCURACY, _AREA = "accuracy", "auroc"

# Metrics that are computed again differ by the rounding of single precision.
_TOLERANCE: Final = 1e-4


@dataclass(frozen=True, slots=True)
class _ExampleScores:
    """What the models of a trial predicted for each example.

    `values` has shape [seeds, examples]: whether a prediction is correct, or the score of the
    positive class. `examples` are the indices of the examples in the data set, `targets` their
    classes, shape [examples].
    """

    values: "NDArray[Any]"
    targets: "NDArray[Any]"
    examples: tuple[int, ...]

    @property
    def is_positive(self) -> "NDArray[np.bool_]":
        import numpy as np

        return np.asarray(self.targets == 1)


@dataclass(frozen=True, slots=True)
class _NotAvailable:
    """Why a trial has no predictions."""

    reason: str


def sample_noise_columns(
    db: store.Database, rows: Sequence[RankingRow], objective: Objective, *, total: int
) -> tuple[ExtraColumn, ...]:
    """Two columns: the noise of the finite set of examples, and the best row against each other.

    As the best row is selected, its differences are corrected for all pairs of the `total` rows.

    Raises:
        UsageError: the rows are not ranked by an accuracy or an area under the ROC curve.
    """
    split, quantity = _split_and_quantity(objective)
    if not has_sample_noise(objective):
        raise UsageError(
            f"--test-set-noise needs an accuracy or an AUROC, and not {objective.metric}",
            hint="rank by val/accuracy: with --by, or as the objective of the study",
        )
    scores = [_example_scores(db, row, split, quantity) for row in rows]
    noises = [
        _noise(db, row, row_scores, split, quantity)
        for row, row_scores in zip(rows, scores, strict=True)
    ]
    tests = max(1, total * (total - 1) // 2)
    differences = [_difference(scores[0], other, quantity, tests) for other in scores[1:]]
    return (
        _noise_column(split, rows, noises, scores),
        _difference_column(split, rows, [None, *differences]),
    )


def has_sample_noise(objective: Objective) -> bool:
    """Whether the noise of a metric is known: of an accuracy, or an area under the ROC curve."""
    split, quantity = _split_and_quantity(objective)
    return split in _SPLIT_NAMES and quantity in (_ACCURACY, _AREA)


def _split_and_quantity(objective: Objective) -> tuple[str, str]:
    split, _, quantity = objective.metric.partition("/")
    return split, quantity.removesuffix("_exact")


def _example_scores(
    db: store.Database, row: RankingRow, split: str, quantity: str
) -> _ExampleScores | _NotAvailable:
    """The predictions of the runs of a row that work, if they reproduce the values."""
    import numpy as np

    values = dict(zip(row.working_runs, row.working_values, strict=True))
    runs = [run for run in store.runs(db, run_ids=list(values)) if math.isfinite(values[run.id])]
    by_run = []
    for run in runs:
        scores = _run_scores(db, run, split, quantity)
        if isinstance(scores, _NotAvailable):
            return scores
        if abs(_measure(scores, quantity) - values[run.id]) > _TOLERANCE:
            return _NotAvailable(f"run {run.id} kept the weights of another epoch")
        by_run.append(scores)
    if not by_run or len({scores.examples for scores in by_run}) > 1:
        return _NotAvailable("its runs have no common examples")
    first = by_run[0]
    values_by_seed = np.concatenate([scores.values for scores in by_run])
    return _ExampleScores(values_by_seed, first.targets, first.examples)


def _run_scores(
    db: store.Database, run: Run, split: str, quantity: str
) -> _ExampleScores | _NotAvailable:
    if all(artifact.kind != MODEL_ARTIFACT_KIND for artifact in store.artifacts(db, run.id)):
        return _NotAvailable(f"run {run.id} kept no weights")
    from nnlab.analysis.predictions import predict_split  # imports torch
    from nnlab.analysis.trained_models import allow_user_code

    try:
        with allow_user_code(False):
            predictions = predict_split(db, run, split)
    except UserCodeRefused:
        return _NotAvailable("a ranking does not execute the code of a model file")
    except NnlabError as error:
        return _NotAvailable(f"run {run.id}: {error}")
    return _scores_of(predictions, quantity)


def _scores_of(predictions: "Predictions", quantity: str) -> _ExampleScores | _NotAvailable:
    probabilities, targets = predictions.probabilities, predictions.targets
    if quantity == _ACCURACY and predictions.classes:
        values = probabilities.argmax(axis=1) == targets
    elif quantity == _AREA and len(predictions.classes) == 2:
        values = probabilities[:, 1]
        if min((targets == 1).sum(), (targets != 1).sum()) < 2:
            return _NotAvailable(f"run {predictions.run} was evaluated on too few examples")
    else:
        return _NotAvailable(f"run {predictions.run} does not predict two classes")
    return _ExampleScores(values[None], targets, predictions.rows)


def _measure(scores: _ExampleScores, quantity: str) -> float:
    """The metric that predictions give."""
    if quantity == _ACCURACY:
        return float(scores.values.mean())
    from nnlab.stats.paired_predictions import placements

    return float(placements(scores.values[0], scores.is_positive)[0].mean())


def _noise(
    db: store.Database,
    row: RankingRow,
    scores: _ExampleScores | _NotAvailable,
    split: str,
    quantity: str,
) -> SampleNoise | None:
    """The noise of a row; None if neither predictions nor the number of examples are known."""
    if isinstance(scores, _ExampleScores):
        if quantity == _ACCURACY:
            return accuracy_noise(scores.values)
        return area_noise(scores.values, scores.is_positive)
    counts = example_counts(db, row.runs, split)
    values = [value for value in row.working_values if math.isfinite(value)]
    # In percent, or not a fraction at all.
    is_fraction = bool(values) and all(0 <= value <= 1 for value in values)
    if quantity != _ACCURACY or not counts or not is_fraction:
        return None
    return binomial_noise(values, round(min(counts)))


def _difference(
    best: _ExampleScores | _NotAvailable,
    other: _ExampleScores | _NotAvailable,
    quantity: str,
    tests: int,
) -> ExamplePairedDifference | None:
    """The best row minus another; None unless both have predictions for the same examples."""
    if isinstance(best, _NotAvailable) or isinstance(other, _NotAvailable):
        return None
    if best.examples != other.examples or (best.targets != other.targets).any():
        return None
    if quantity == _ACCURACY:
        return compare_accuracies(best.values, other.values, tests=tests)
    return compare_areas(best.values, other.values, best.is_positive, tests=tests)


def _noise_column(
    split: str,
    rows: Sequence[RankingRow],
    noises: Sequence[SampleNoise | None],
    scores: Sequence[_ExampleScores | _NotAvailable],
) -> ExtraColumn:
    name = _SPLIT_NAMES[split]
    notes = [
        f"sd from the {name} set: standard error of the mean that other {name} examples would"
        " cause; the share is the part of the variance between seeds that comes from them"
    ]
    affected: dict[str, list[str]] = {}
    for row, noise, row_scores in zip(rows, noises, scores, strict=True):
        if isinstance(row_scores, _NotAvailable):
            bound = "from the number of examples (binomial)" if noise else "unknown"
            text = f"sd from the {name} set {bound}: {row_scores.reason}"
            affected.setdefault(text, []).append(f"#{row.rank}")
    notes += [f"{', '.join(ranks)}: {text}" for text, ranks in affected.items()]
    return ExtraColumn(
        NOISE_KEY,
        f"sd from the {name} set",
        tuple(map(_noise_values, noises, scores)),
        tuple(map(_noise_text, noises, scores)),
        tuple(notes),
    )


def _noise_values(
    noise: SampleNoise | None, scores: _ExampleScores | _NotAvailable
) -> Mapping[str, Any] | None:
    if noise is None:
        return None
    return {
        "standard_error": noise.standard_error,
        "share": noise.share,
        "examples": noise.n,
        "source": "predictions" if isinstance(scores, _ExampleScores) else "binomial",
    }


def _noise_text(noise: SampleNoise | None, scores: _ExampleScores | _NotAvailable) -> str:
    if noise is None:
        return ""
    text = f"{noise.standard_error:.2g}"
    if noise.share is None:
        return text
    at_most = "" if isinstance(scores, _ExampleScores) else "at most "
    return f"{text} ({at_most}{100 * noise.share:.0f} % of the variance)"


def _difference_column(
    split: str, rows: Sequence[RankingRow], differences: Sequence[ExamplePairedDifference | None]
) -> ExtraColumn:
    return ExtraColumn(
        DIFFERENCE_KEY,
        "best minus this, by example",
        tuple(map(_difference_values, differences)),
        tuple(map(_difference_text, differences)),
        _difference_notes(split, rows, differences),
    )


def _difference_values(difference: ExamplePairedDifference | None) -> Mapping[str, Any] | None:
    if difference is None:
        return None
    return {
        "difference": difference.difference,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "method": difference.method,
        "examples": difference.n,
    }


def _difference_text(difference: ExamplePairedDifference | None) -> str:
    if difference is None:
        return ""
    return f"{format_interval(difference.low, difference.high)} ({describe_p(difference.p)})"


def _difference_notes(
    split: str, rows: Sequence[RankingRow], differences: Sequence[ExamplePairedDifference | None]
) -> tuple[str, ...]:
    """What is certain about the trained models of the best row and the next row with a value."""
    for row, difference in zip(rows, differences, strict=True):
        if difference is None:
            continue
        examples = format_count(difference.n, f"{_SPLIT_NAMES[split]} example")
        is_single = len(rows[0].runs) == len(row.runs) == 1
        models, are, those = ("model", "is", "that") if is_single else ("models", "are", "those")
        evidence = f"{difference.method}, {examples}, {describe_p(difference.p)}"
        if difference.low > 0:
            statement = (
                f"on further examples, the trained {models} of #1 {are} better than {those}"
                f" of #{row.rank} by at least {difference.low:.2g} ({evidence})"
            )
        else:
            statement = (
                f"the {examples} do not distinguish the trained {models} of #1 from {those}"
                f" of #{row.rank} ({evidence})"
            )
        return (f"{statement}; other seeds of the same settings may differ more",)
    return ()
