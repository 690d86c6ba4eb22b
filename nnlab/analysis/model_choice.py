"""Which runs' models a command uses for `RUN|STUDY`: the run, or the best trial of the study."""

import math
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest, RankingRow
from nnlab.analysis.scope import Scope, resolve_scope
from nnlab.errors import UsageError
from nnlab.io.text import format_count, format_seed
from nnlab.records import Run
from nnlab.workers.initial_weights import MODEL_ARTIFACT_KIND


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The runs whose models are used, and why; `notes` are to be shown with the result.

    `names_run` says whether the command named the run itself, not a study.
    """

    runs: tuple[Run, ...]
    reason: str
    names_run: bool
    notes: tuple[str, ...] = ()


def choose_models(db: store.Database, word: str, *, ensemble: bool = False) -> ModelChoice:
    """The run that a word names, or the best run of the best trial of the study that it names.

    Args:
        db: the database.
        word: a run by number or name, or a study.
        ensemble: choose all seeds of the trial that have stored weights.

    Raises:
        UnknownName: it names neither a study nor a run.
        UsageError: it names several runs, or no run has stored weights.
    """
    scope = resolve_scope(db, [word])
    if scope.runs is not None:
        return _choose_of_runs(db, word, scope.runs, ensemble=ensemble)
    return _choose_of_study(db, scope, ensemble=ensemble)


def _choose_of_runs(
    db: store.Database, word: str, run_ids: tuple[int, ...], *, ensemble: bool
) -> ModelChoice:
    runs = store.runs(db, run_ids=run_ids)
    if not ensemble:
        if len(runs) > 1:
            raise _several_runs_error(word, runs)
        return ModelChoice(runs, "named by the command", names_run=True)
    trials = {run.trial.id for run in runs}
    if len(trials) > 1:
        raise UsageError(
            f"{word} names runs of {len(trials)} trials", hint="--ensemble averages one trial"
        )
    study = runs[0].trial.study
    seeds = [
        run
        for run in store.runs(db, study=_study_id(db, study), current_only=True)
        if run.trial.id in trials
    ]
    members = _with_weights(db, seeds)
    if not members:
        raise _none_with_weights(f"trial {runs[0].trial.id}")
    return ModelChoice(members, _ensemble_reason(members, len(seeds)), names_run=True)


_MAX_LISTED_RUNS = 10


def _several_runs_error(word: str, runs: tuple[Run, ...]) -> UsageError:
    """The error that lists the runs of a name, and the ways to choose one of them."""
    lines = [
        f"\n  run {run.id}: trial {run.trial.id} of study {run.trial.study},"
        f" seed {format_seed(run.seed)}, {run.status}"
        for run in runs[:_MAX_LISTED_RUNS]
    ]
    if len(runs) > _MAX_LISTED_RUNS:
        lines.append(f"\n  and {len(runs) - _MAX_LISTED_RUNS} more")
    study = runs[0].trial.study
    ways = [f"the number of one run, such as {runs[0].id}"]
    if all(run.trial.study == study for run in runs):
        ways.append(f"the name of the study, {study}, for the best run of its best trial")
    if len({run.trial.id for run in runs}) == 1:
        ways.append("nnlab predict --ensemble for the average of all seeds")
    return UsageError(
        f"{word} names {len(runs)} runs:{''.join(lines)}", hint=f"give {'; or '.join(ways)}"
    )


def _study_id(db: store.Database, name: str) -> int:
    return next(study.id for study in store.all_studies(db) if study.name == name)


def _choose_of_study(db: store.Database, scope: Scope, *, ensemble: bool) -> ModelChoice:
    ranking = rank(db, scope, RankingRequest(top=1))
    if not ranking.rows:
        raise UsageError(
            f"study {scope.title} has no finished epoch", hint=f"nnlab train --study {scope.title}"
        )
    row = ranking.rows[0]
    runs = {run.id: run for run in store.runs(db, run_ids=row.runs)}
    values = dict(zip(row.runs, row.values, strict=True))
    members = _with_weights(db, [runs[number] for number in row.runs])
    if not members:
        raise _none_with_weights(f"trial {row.trials[0]}, the best of study {scope.title},")
    mean = _best_trial_text(ranking, row, scope)
    if ensemble:
        reason = f"{_ensemble_reason(members, len(row.runs))}; {mean}"
        return ModelChoice(members, reason, names_run=False, notes=ranking.left_out)
    sign = -1 if ranking.objective.direction == "max" else 1

    def order(run: Run) -> tuple[bool, float, int]:
        value = values[run.id]
        tie_break = run.id if run.seed is None else run.seed
        return math.isnan(value), 0.0 if math.isnan(value) else sign * value, tie_break

    best = min(members, key=order)
    reason = f"seed {best.seed} of {mean}"
    if len(row.runs) > 1:
        reason += f"; the best of {format_count(len(row.runs), 'seed')} with {values[best.id]:.5g}"
    return ModelChoice((best,), reason, names_run=False, notes=ranking.left_out)


def _best_trial_text(ranking: Ranking, row: RankingRow, scope: Scope) -> str:
    return (
        f"trial {row.trials[0]}, the best of study {scope.title} by {ranking.objective}"
        f" (mean {row.value.mean:.5g})"
    )


def _ensemble_reason(members: tuple[Run, ...], count: int) -> str:
    missing = f" ({count - len(members)} stored no weights)" if count > len(members) else ""
    return f"average of {format_count(len(members), 'seed')}{missing}"


def _with_weights(db: store.Database, runs: list[Run]) -> tuple[Run, ...]:
    for run in runs:
        store.check_trained_by_nnlab(run, "build its model")
    return tuple(
        run
        for run in runs
        if any(item.kind == MODEL_ARTIFACT_KIND for item in store.artifacts(db, run.id))
    )


def _none_with_weights(subject: str) -> UsageError:
    return UsageError(
        f"{subject} has no run with stored weights",
        hint="train it to its end, without --no-keep-models; --again trains a finished run anew",
    )
