"""The notes that must be read with a ranking: what was left out, is unequal or is uncertain."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from nnlab import store
from nnlab.analysis.comparable import depends_on_loss
from nnlab.analysis.objectives import define_hint, unranked_metrics
from nnlab.analysis.range_edges import range_edge_notes
from nnlab.analysis.records import RankingRow
from nnlab.analysis.scope import Scope
from nnlab.diagnosis.headlines import affected_seeds_text
from nnlab.io.text import format_count
from nnlab.metric_names import is_evaluation, split_of
from nnlab.records import Objective, Status
from nnlab.settings import as_stored_name, builtin_fields, is_builtin_setting
from nnlab.settings.setting_differences import distinguishing_fields

# The number of rows whose overfitting is described; the table counts the flags of the others.
_MAX_OVERFITTING_NOTES = 3
# The number of trials that a note names; the others are counted.
_MAX_NAMED = 5
_REGRESSION_LOSSES = frozenset(("mse", "l1", "huber"))
# Plain `nnlab train` collects runs for many questions in this study, so its values are no search.
_DEFAULT_STUDY = "default"


def completeness_notes(
    db: store.Database,
    scope: Scope,
    objective: Objective,
    rows: Sequence[RankingRow],
    measured: int,
) -> tuple[str, ...]:
    """Notes on trials and runs that are missing, unfinished or trained with unequal budgets.

    Args:
        db: the database.
        scope: the runs that were asked for.
        objective: the metric of the ranking.
        rows: the rows that are shown.
        measured: how many trials of the scope have a value of the metric.
    """
    notes = []
    all_trials = store.count_trials(db, study_ids=scope.studies, run_ids=scope.runs)
    if (unmeasured := all_trials - measured) > 0:
        trials = format_count(unmeasured, "trial")
        notes.append(f"{trials} not measured by {objective.metric}, not ranked")
    if split_of(objective.metric) == "test":
        notes.append(
            "ranked by the test split: the best value is optimistically biased;"
            " select by val, and evaluate test once"
        )
    notes += _status_notes(db, scope, rows)
    if pruned := sum(row.pruned for row in rows):
        notes.append(f"{format_count(pruned, 'run')} pruned: their trials are ranked last")
    return (*notes, *_budget_notes(rows))


def unknown_direction_notes(
    db: store.Database, objective: Objective, rows: Sequence[RankingRow]
) -> tuple[str, ...]:
    """A note on validation metrics of other programs that cannot be ranked by."""
    if not rows or is_evaluation(objective.metric) or is_builtin_setting(rows[0].setting):
        return ()
    runs = [run for row in rows for run in row.runs]
    measured = {name for by_name in store.summaries(db, runs).values() for name in by_name}
    unranked = unranked_metrics(sorted(measured), store.user_directions(db))
    if not unranked:
        return ()
    return (
        f"not ranked by {', '.join(unranked[:_MAX_NAMED])}: it is not known whether lower or higher"
        f" values are better; {define_hint(unranked[0])}",
    )


def _status_notes(db: store.Database, scope: Scope, rows: Sequence[RankingRow]) -> list[str]:
    counts = store.count_runs(db, study_ids=scope.studies, run_ids=scope.runs)
    ranked = sum((Counter(row.statuses) for row in rows), Counter[Status]())
    notes = []
    for status in (Status.DIVERGED, Status.FAILED, Status.INTERRUPTED, Status.RUNNING):
        if counts.get(status):
            treatment = "ranked by the value so far" if ranked.get(status) else "not ranked"
            if status is Status.DIVERGED and ranked.get(status):
                treatment = "trials with such a run are ranked last"
            notes.append(f"{format_count(counts[status], 'run')} {status}, {treatment}")
    if counts.get(Status.QUEUED):
        notes.append(f"{format_count(counts[Status.QUEUED], 'run')} still to be trained")
    return notes


def _budget_notes(rows: Sequence[RankingRow]) -> list[str]:
    notes = []
    planned = (builtin_fields(row.setting).get("epochs") for row in rows)
    epochs = sorted({int(str(number)) for number in planned if number})
    if len(epochs) > 1:
        notes.append(f"unequal budgets: from {epochs[0]} to {epochs[-1]} epochs")
    # Collapsed seeds were trained too; another note counts them.
    seeds = {row.working_seeds[1] for row in rows if row.value.n}
    if len(seeds) > 1:
        notes.append(f"unequal numbers of seeds: from {min(seeds)} to {max(seeds)}")
    if seeds == {1}:
        notes.append("one seed each: the spread is unknown, a small difference may be chance")
    return notes


def overfitting_notes(rows: Sequence[RankingRow]) -> tuple[str, ...]:
    """How many seeds of the first rows overfit or stagnate, and from which epoch."""
    notes = []
    for row in rows[:_MAX_OVERFITTING_NOTES]:
        noun = "seeds" if len(row.trials) == 1 else "runs"
        texts = [
            affected_seeds_text(code, epochs, len(row.runs), noun, row.axis)
            for code, epochs in row.onsets.items()
        ]
        if texts:
            prefix = f"#{row.rank}: " if len(rows) > 1 else ""
            notes.append(prefix + "; ".join(texts))
    return tuple(notes)


def changed_data_notes(seeds_by_trial: Mapping[int, Sequence[int]]) -> tuple[str, ...]:
    """Notes on trials whose seeds were trained on different data, so that they are no sample.

    Args:
        seeds_by_trial: the affected seeds of each such trial.
    """
    notes = [
        f"seeds {', '.join(map(str, seeds))} of trial {trial_id} were trained on different data"
        for trial_id, seeds in seeds_by_trial.items()
    ]
    if len(notes) > _MAX_NAMED:
        more = format_count(len(notes) - _MAX_NAMED, "more trial")
        notes[_MAX_NAMED:] = [f"so were those of {more}"]
    return tuple(notes)


def loss_unit_notes(objective: Objective, rows: Sequence[RankingRow]) -> tuple[str, ...]:
    """A note that the unit of a regression loss depends on the size of the training split."""
    settings = [builtin_fields(row.setting) for row in rows]
    losses = {setting.get("loss") for setting in settings}
    sizes = {setting.get("train_size") for setting in settings}
    if not depends_on_loss(objective.metric) or len(sizes) < 2 or not losses & _REGRESSION_LOSSES:
        return ()
    return (
        f"{objective.metric} is in units of the sd of the training targets, which differs with"
        " train_size; --by val/rmse is in the unit of the target",
    )


def search_space_notes(
    db: store.Database, scope: Scope, rows: Sequence[RankingRow], *, complete: bool
) -> tuple[str, ...]:
    """Notes on fields in which the best trial lies at the edge of its study's search space.

    Empty where the rows belong to several studies. The search space of an open study consists of
    the values in which its trials differ.

    Args:
        db: the database.
        scope: the runs of the ranking.
        rows: the rows, best first.
        complete: whether `rows` contains all trials of the scope.
    """
    best = rows[0]
    if best.pruned or best.all_diverged or math.isnan(best.value.mean):
        return ()
    studies = store.all_studies(db)
    if scope.studies is not None:
        studies = tuple(study for study in studies if study.id in scope.studies)
    elif scope.runs is not None:
        trials = store.trials(db, [row.trials[0] for row in rows])
        names = {trial.study for trial in trials.values()}
        studies = tuple(study for study in studies if study.name in names)
    if len(studies) != 1:
        return ()
    space = studies[0].space
    if studies[0].is_open and complete and studies[0].name != _DEFAULT_STUDY:
        settings = [row.setting for row in rows]
        space = {
            name: tuple(dict.fromkeys(setting.get(name) for setting in settings))
            for name in distinguishing_fields(settings)
        }
    if not space:
        return ()
    marked = {as_stored_name(name, [best.setting]): values for name, values in space.items()}
    return range_edge_notes(marked, best.setting)
