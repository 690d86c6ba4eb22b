"""The caption of a table for papers and the notes below it: n, the meanings of ± and of bold."""

from collections.abc import Mapping, Sequence

from nnlab.analysis.collapsed_seeds import working_text
from nnlab.analysis.ranking_numbers import missing_value_word
from nnlab.analysis.records import Ranking
from nnlab.analysis.significance import describe_test, too_few_seeds
from nnlab.figures.draw.display_names import metric_name, trial_name, value_name
from nnlab.figures.trials import common_loss, trial_title
from nnlab.io.text import format_count
from nnlab.records import Status
from nnlab.stats.comparison import PairedTest
from nnlab.stats.uncertainty import uncertainty_name

# Marks rows whose seeds were trained on different data.
DIFFERENT_DATA_MARK = "†"
# Marks rows of which some runs, but not all, diverged or failed.
PARTIAL_FAILURE_MARK = "‡"
# The number of trials that a note names; the others are counted.
_MAX_NAMED = 4


def table_caption(parts: Mapping[str, Ranking], ranking: Ranking, *, is_tuned: bool) -> str:
    """What the cells are: the metric, the epoch, the seeds and the number after ±.

    Args:
        parts: the rankings of the groups of columns.
        ranking: the ranking of all runs of the table.
        is_tuned: whether a row shows the best of several trials.
    """
    name = metric_name(ranking.objective.metric, common_loss(ranking))
    direction = "lower is better" if ranking.objective.direction == "min" else "higher is better"
    seeds = seed_counts(parts)
    if not seeds:
        return f"{name} at {ranking.values_at}, {direction}; no run has a value."
    spread = f" ± {uncertainty_name(ranking.uncertainty)}" if max(seeds, default=0) > 1 else ""
    heading = f"{value_name('data', ranking.heading)}: " if ranking.heading else ""
    text = f"{heading}{name} at {ranking.values_at}, {direction}"
    text += f"; mean{spread} over {_seed_text(seeds)}"
    return f"{text}, each the best of its trials." if is_tuned else f"{text}."


def seed_counts(parts: Mapping[str, Ranking]) -> list[int]:
    """The different numbers of seeds of the rows that have a value, in ascending order."""
    return sorted({row.value.n for part in parts.values() for row in part.rows if row.value.n})


def _seed_text(seeds: Sequence[int]) -> str:
    return (
        format_count(seeds[-1], "seed") if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]} seeds"
    )


def table_notes(
    parts: Mapping[str, Ranking],
    test: PairedTest,
    left_out: Sequence[str],
    *,
    omits_test_values: bool,
) -> tuple[str, ...]:
    """The notes below a table: bold type, diverged and failed runs, marks, and what is left out."""
    rankings = list(parts.values())
    notes = [_meaning_of_bold(rankings, test)] if seed_counts(parts) else []
    notes += unsuccessful_notes(rankings)
    rows = [row for ranking in rankings for row in ranking.rows]
    if any(row.unsuccessful and not row.all_diverged for row in rows):
        notes.append(
            f"{PARTIAL_FAILURE_MARK}: some runs diverged or failed; the mean is that of the values"
            " they reached before."
        )
    if any(row.collapsed for row in rows):
        counts = [
            f"{trial_title(row, ranking)} ({working_text(row)})"
            for ranking in rankings
            for row in ranking.rows
            if row.collapsed
        ]
        if len(counts) > _MAX_NAMED:
            counts[_MAX_NAMED:] = [f"{len(counts) - _MAX_NAMED} more"]
        notes.append(
            f"Seeds that work, where others collapse: {'; '.join(counts)}. Rows are ordered by this"
            " fraction, then by the mean; means, intervals and tests are those of the seeds that"
            " work."
        )
    if any(row.different_data for row in rows):
        notes.append(f"{DIFFERENT_DATA_MARK}: seeds trained on different data.")
    if omits_test_values:
        notes.append("Test values are omitted because they were measured at other epochs.")
    if left_out:
        notes.append(f"Omitted, not comparable: {'; '.join(left_out)}.")
    return tuple(notes)


def _meaning_of_bold(rankings: Sequence[Ranking], test: PairedTest) -> str:
    """The sentence that explains bold cells, and how differences were tested."""
    rows = [row for ranking in rankings for row in ranking.rows]
    if not any(row.value.n > 1 for row in rows):
        return "Bold: the best."
    seed_notes = [note for ranking in rankings if (note := too_few_seeds(ranking.rows))]
    if not any(row.tier for row in rows):
        return f"Bold: the best mean{f' ({seed_notes[0]})' if seed_notes else ''}."
    trials = max(ranking.total for ranking in rankings)
    untested = " Rows with too few seeds are not tested." if seed_notes else ""
    return (
        "Bold: the best, and those that may equal it: no significant difference from it"
        f" ({describe_test(test, trials, rows)}), and 0 inside the 95 % interval of the single"
        f" difference, with the trial's own sd and with the median sd of the table.{untested}"
    )


def unsuccessful_notes(rankings: Sequence[Ranking]) -> list[str]:
    """Sentences such as `10 of 60 runs diverged: SGD, lr 30 (10 of 10).`, for failed runs too."""
    named: dict[Status, dict[str, tuple[int, int]]] = {Status.DIVERGED: {}, Status.FAILED: {}}
    total = 0
    for ranking in rankings:
        for row in ranking.rows:
            runs = len(row.runs) + len(row.runs_without_value)
            total += runs
            for status, trials in named.items():
                if count := row.unsuccessful.get(status):
                    trials[trial_title(row, ranking)] = count, runs
        for trial in ranking.unranked:
            runs = len(trial.runs)
            total += runs
            for status, trials in named.items():
                if count := trial.statuses.get(status):
                    fields = ranking.label_fields(trial)
                    title = trial_name(trial.labelled_setting, fields) or f"trial {trial.trial}"
                    trials[title] = count, runs
    return [_unsuccessful_note(status, trials, total) for status, trials in named.items() if trials]


def _unsuccessful_note(status: Status, trials: Mapping[str, tuple[int, int]], total: int) -> str:
    count = sum(runs for runs, _ in trials.values())
    names = [f"{title} ({runs} of {of})" for title, (runs, of) in trials.items()]
    if len(names) > _MAX_NAMED:
        names[_MAX_NAMED:] = [f"{len(names) - _MAX_NAMED} more"]
    verb = missing_value_word({status: count})
    return f"{count} of {format_count(total, 'run')} {verb}: {'; '.join(names)}."
