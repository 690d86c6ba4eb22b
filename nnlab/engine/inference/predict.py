"""Predictions for a whole input, batch by batch, and the report of everything wrong with it."""

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from nnlab.engine.inference.input_batch import InputBatch
from nnlab.engine.inference.input_data import InputData
from nnlab.engine.inference.predictor import Predictor
from nnlab.errors import DataError


def predict_batches(
    predictor: Predictor, data: InputData
) -> Iterator[tuple[InputBatch, NDArray[Any]]]:
    """Yields each batch with its predictions; see `Predictor.__call__`.

    Raises:
        DataError: the input has errors; all of them are in the message, which comes last.
    """
    for batch in data.batches():
        if not data.report.has_errors:  # else the rest is only checked
            yield batch, predictor(batch.examples)
    raise_input_errors(data)


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
