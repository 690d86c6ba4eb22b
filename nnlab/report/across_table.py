"""Methods by data sets as a table for papers: means, average ranks and tiers."""

from nnlab.analysis.methods_by_task import MethodsByTask
from nnlab.analysis.ranking_numbers import written_values
from nnlab.analysis.records import RankingRow
from nnlab.figures.draw.display_names import metric_name, setting_name, value_name
from nnlab.figures.trials import common_loss
from nnlab.io.text import format_count
from nnlab.report.text_table import TextCell, TextColumn, TextTable, table_label, typeset_number
from nnlab.stats.average_ranks import RankComparison
from nnlab.stats.rounding import describe_p
from nnlab.stats.uncertainty import uncertainty_name


def across_table(methods: MethodsByTask) -> TextTable:
    """A row per method, a column per data set, then the average rank and, if tested, the tier."""
    comparison = methods.comparison
    tasks = comparison.tasks
    numbers = {task: written_values(ranking) for task, ranking in methods.rankings.items()}
    has_tiers = any(methods.tier(method) for method in methods.methods)
    rows = []
    for method in methods.methods:
        cells = [TextCell(value_name(comparison.field, method))]
        for task in tasks:
            index, row = methods.row(method, task)
            cells.append(TextCell(typeset_number(numbers[task][index].text), bold=row.is_leader))
        cells.append(TextCell(f"{methods.ranks[method]:.2f}"))
        if has_tiers:
            cells.append(TextCell(str(methods.tier(method) or "")))
        rows.append(tuple(cells))
    columns = [
        TextColumn(setting_name(comparison.field)),
        *(TextColumn(value_name("data", task), align_right=True) for task in tasks),
        TextColumn("Average rank", align_right=True),
        *([TextColumn("Tier", align_right=True)] if has_tiers else []),
    ]
    title = f"{next(iter(methods.rankings.values())).scope.title} {comparison.field} across data"
    notes = (
        "Bold: the best on each data set, and those that may equal it.",
        rank_test_text(methods),
        *(f"{note[:1].upper()}{note[1:]}." for note in across_notes(methods)),
    )
    return TextTable(
        tuple(columns), tuple(rows), _caption(methods), table_label(title), notes=notes
    )


def _caption(methods: MethodsByTask) -> str:
    comparison = methods.comparison
    rankings = tuple(methods.rankings.values())
    losses = {common_loss(ranking) for ranking in rankings}
    loss = losses.pop() if len(losses) == 1 else None
    name = metric_name(comparison.objective.metric, loss)
    is_min = comparison.objective.direction == "min"
    rows = [row for ranking in rankings for row in ranking.rows]
    is_tuned = any(most > 1 for _, most in comparison.tuned.values())
    spread = ""
    if any(row.value.n > 1 for row in rows):
        spread = f" ± {uncertainty_name(rankings[0].uncertainty)}"
    return (
        f"{name} at each run's best epoch, {'lower' if is_min else 'higher'} is better;"
        f" mean{spread} over {_seeds_text(rows)}"
        f"{', each the best of its trials on that data set' if is_tuned else ''}."
    )


def _seeds_text(rows: list[RankingRow]) -> str:
    seeds = {row.value.n for row in rows} - {0}
    if len(seeds) == 1:
        return format_count(seeds.pop(), "seed")
    return f"{min(seeds, default=0)} to {max(seeds, default=0)} seeds"


def rank_test_text(methods: MethodsByTask) -> str:
    """The average ranks and how they were tested, as a sentence."""
    count = len(methods.comparison.tasks)
    ranks = f"Average rank over {format_count(count, 'data set')}, 1 is best"
    test = methods.rank_test
    if test is None:
        return f"{ranks}{_improvement_text(methods)}."
    friedman = f"Friedman test ({test.method}), {describe_p(test.p)}"
    if not test.is_significant:
        return f"{ranks}: no significant difference ({friedman})."
    return f"{ranks}; {friedman}{_nemenyi_text(test)}."


def _nemenyi_text(test: RankComparison) -> str:
    if test.blocks < test.min_blocks:
        return ""
    return (
        "; tier 1: not significantly different from the best rank (Nemenyi test, critical"
        f" difference {test.critical_difference:.2f})"
    )


def _improvement_text(methods: MethodsByTask) -> str:
    """The probability of improvement of the first of two methods, which are not tested by ranks."""
    results = methods.comparison.methods
    second = results[1]
    low, high = second.improvement_probability_low, second.improvement_probability_high
    if len(results) > 2 or second.improvement_probability is None or low is None or high is None:
        return ""
    names = [value_name(methods.comparison.field, result.name) for result in results]
    return (
        f"; a run of {names[0]} is better than one of {names[1]} with probability"
        f" {second.improvement_probability:.2f} (95 % interval {low:.2f} to {high:.2f}, stratified"
        " bootstrap)"
    )


def across_notes(methods: MethodsByTask) -> tuple[str, ...]:
    """The notes of the comparison, the data sets left out, and unequal tuning."""
    comparison = methods.comparison
    notes = list(methods.notes)
    if comparison.left_out and not any("left out" in note for note in notes):
        left_out = ", ".join(value_name("data", task) for task in comparison.left_out)
        notes.append(f"not compared, because runs are missing: {left_out}")
    if len(set(comparison.tuned.values())) > 1:
        notes.append("unequal numbers of trials favour methods with more trials to choose from")
    return tuple(notes)
