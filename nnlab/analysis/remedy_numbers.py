"""The effects of remedies and their intervals as text, the same on the screen and in reports."""

from collections.abc import Sequence

from nnlab.analysis.remedies import RemedyResult
from nnlab.stats.number_columns import WrittenNumber, interval_column, written_column


def remedy_numbers(results: Sequence[RemedyResult]) -> list[tuple[str, str]]:
    """The improvement of each remedy and its interval, with equal decimals in each column."""
    effects = written_column(
        [result.effect for result in results],
        [(result.high - result.low) / 2 for result in results],
    )
    intervals = interval_column([(result.low, result.high) for result in results])
    return [
        (WrittenNumber(effect.value, power=effect.power).text, interval)
        for effect, interval in zip(effects, intervals, strict=True)
    ]
