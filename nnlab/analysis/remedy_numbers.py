"""The results of remedies as text, the same on the screen, in figures and in reports."""

from collections.abc import Sequence

from nnlab.analysis.remedy_results import RemedyResult
from nnlab.stats.number_columns import WrittenNumber, interval_column, written_column

# What the column of `best_epoch_numbers` shows, in reports.
BEST_EPOCH_COLUMN = "The last column is the improvement of the objective at the best epoch."


def remedy_numbers(results: Sequence[RemedyResult]) -> list[tuple[str, str]]:
    """The improvement of each remedy and its interval, with equal decimals in each column."""
    intervals = interval_column([(result.low, result.high) for result in results])
    effects = _effect_texts([(r.effect, r.low, r.high) for r in results])
    return list(zip(effects, intervals, strict=True))


def best_epoch_numbers(results: Sequence[RemedyResult]) -> list[str]:
    """The improvement of the objective at the best epoch of each remedy."""
    return _effect_texts([(r.best_effect, r.best_low, r.best_high) for r in results])


def _effect_texts(effects: Sequence[tuple[float, float, float]]) -> list[str]:
    """Effects as text, with the decimals that the widths of their intervals allow."""
    written = written_column(
        [effect for effect, _, _ in effects], [(high - low) / 2 for _, low, high in effects]
    )
    return [WrittenNumber(effect.value, power=effect.power).text for effect in written]


def common_measure(results: Sequence[RemedyResult]) -> str:
    """The metric and epoch by which remedies of the finding are judged; "" without results."""
    return results[0].usual_measure if results else ""


def remedy_titles(results: Sequence[RemedyResult]) -> list[str]:
    """The names of the remedies, with the measure of those that are judged by another one."""
    common = common_measure(results)
    return [
        result.name if result.measure_text == common else f"{result.name} ({result.measure_text})"
        for result in results
    ]


def measure_sentence(code: str, results: Sequence[RemedyResult]) -> str:
    """How remedies are judged, as a clause: by which metric, at which epoch, by which test."""
    common = common_measure(results)
    reason = f", which {code} concerns" if code and not common.endswith("best epoch") else ""
    count = len(results)
    correction = f", step-down correction for {count} remedies" if count > 1 else ""
    return f"{common}{reason}, against the control by seed; sign-flip test{correction}"
