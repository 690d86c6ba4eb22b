"""Predictions for a whole input, batch by batch, and the report of everything wrong with it."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_data import InputData
from nnlab.engine.inference.predictor import Predictor
from nnlab.errors import DataError

# A predictor, and the input encoded as its models need it.
EnsembleMember = tuple[Predictor, InputData]


def predict_batches(
    predictor: Predictor, data: InputData, *others: EnsembleMember
) -> Iterator[tuple[InputBatch, NDArray[Any]]]:
    """Yields each batch with its predictions; see `Predictor.__call__`.

    Args:
        predictor: of one or several models.
        data: the input.
        others: further members of the ensemble, which encode the same input in another way. All
            models have the same weight in the average.

    Raises:
        DataError: the input has errors; all of them are in the message, which comes last.
    """
    for batch, *other_batches in zip(
        data.batches(), *(other.batches() for _, other in others), strict=True
    ):
        if not data.report.has_errors:  # else the rest is only checked
            predictions = predictor(batch.examples)
            if others:
                parts = [predictions * predictor.num_models] + [
                    other(other_batch.examples) * other.num_models
                    for (other, _), other_batch in zip(others, other_batches, strict=True)
                ]
                count = predictor.num_models + sum(other.num_models for other, _ in others)
                predictions = sum(parts[1:], parts[0]) / count
            yield without_overflow(data, batch, predictions), predictions
    raise_input_errors(data)


def without_overflow(data: InputData, batch: InputBatch, outputs: NDArray[Any]) -> InputBatch:
    """The batch, in which rows are invalid whose outputs [n, ...] are not finite.

    They are reported: the values of such a row are too large for the model, or it has diverged.
    """
    overflow = ~batch.invalid & ~np.isfinite(outputs).reshape(len(outputs), -1).all(axis=1)
    if not overflow.any():
        return batch
    data.report.problem(
        "overflow",
        "",
        "the output of the model is not a finite number: the values of the row are too large,"
        " or the run diverged",
        data.options.invalid_solution,
        is_error=data.options.refuses_invalid,
    ).add([f"{data.id_name} {batch.ids[row]}" for row in np.flatnonzero(overflow)])
    return replace(batch, invalid=batch.invalid | overflow)


def raise_input_errors(data: InputData) -> None:
    """Raises all problems of an input that was read to its end, if one of them is an error.

    Raises:
        DataError: there are.
    """
    if not data.report.has_errors:
        return
    problems = [*data.report.errors, *data.report.warnings]
    if len(problems) == 1:
        raise DataError(f"{data.shown}: {problems[0]}")
    lines = "".join(f"\n  - {problem}" for problem in problems)
    raise DataError(f"{len(problems)} problems with {data.shown}:{lines}")
