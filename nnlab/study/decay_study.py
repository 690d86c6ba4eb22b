"""Studies that train the decays suggested by `nnlab find-decay` next to the run's own setting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.find_decay import DecaySuggestion, with_decay
from nnlab.analysis.remedies import remedy_run_specs
from nnlab.objective import Objective, Setting
from nnlab.records import Run
from nnlab.settings import config_of, digest_of, setting_of
from nnlab.stats.claims import Verdict, assess_claim
from nnlab.stats.paired import compare_paired
from nnlab.study.queue import QueuedRuns

CONTROL_NAME = "none"


@dataclass(frozen=True, slots=True)
class DecayComparison:
    """A decay, compared with no decay on the same seeds.

    Attributes:
        decay: the name of the decay, or `none` for the control.
        n: the number of seeds that both have.
        mean: the mean of the objective at the selected epoch.
        change: the mean paired difference from the control.
        low: the lower bound of its 95 % confidence interval.
        high: the upper bound.
        verdict: whether the decay improves the objective; None for the control.
    """

    decay: str
    n: int
    mean: float
    change: float
    low: float
    high: float
    verdict: Verdict | None


def decay_objective(run: Run) -> Objective:
    """The objective by which decays for a run are compared."""
    return Objective.parse(config_of(run.trial.setting, 0).objective or "")


def queue_decays(
    db: store.Database, run: Run, suggestion: DecaySuggestion, seeds: Sequence[int]
) -> QueuedRuns:
    """Queues the setting of a run and the suggested decays with the same seeds."""
    study = store.create_study(
        db,
        name=f"find-decay/{run.id}",
        question=f"Which decay helps run {run.id}?",
        objective=decay_objective(run),
        space=None,
        seeds=(),
    )
    run_specs = remedy_run_specs(_decay_settings(run, suggestion).values(), seeds)
    return QueuedRuns(study, tuple(run_specs), store.enqueue(db, study, run_specs))


def compare_decays(
    db: store.Database, run: Run, suggestion: DecaySuggestion, run_ids: Sequence[int]
) -> tuple[DecayComparison, ...]:
    """The comparison of each decay with the control, after the runs were trained.

    Decays without a result on any seed of the control are left out.
    """
    objective = decay_objective(run)
    values_by_digest = _best_values(db, run_ids, objective)
    settings = _decay_settings(run, suggestion)
    control = values_by_digest.get(digest_of(settings[CONTROL_NAME]), {})
    comparisons = []
    for name, setting in settings.items():
        values = values_by_digest.get(digest_of(setting), {})
        seeds = sorted(set(values) & set(control))
        if not seeds:
            continue
        paired = compare_paired([values[seed] for seed in seeds], [control[seed] for seed in seeds])
        changes = [values[seed] - control[seed] for seed in seeds]
        comparisons.append(
            DecayComparison(
                decay=name,
                n=paired.n,
                mean=sum(values[seed] for seed in seeds) / len(seeds),
                change=paired.mean,
                low=paired.low,
                high=paired.high,
                verdict=None if name == CONTROL_NAME else _judge_changes(changes, objective),
            )
        )
    return tuple(comparisons)


def _decay_settings(run: Run, suggestion: DecaySuggestion) -> dict[str, Setting]:
    """The settings to train by name: that of the run, then those with the suggested decays."""
    settings = {CONTROL_NAME: run.trial.setting} | {
        proposal.name: with_decay(run.trial.setting, proposal.options)
        for proposal in suggestion.proposals
    }
    return {name: setting_of(config_of(setting, 0)) for name, setting in settings.items()}


def _judge_changes(changes: Sequence[float], objective: Objective) -> Verdict:
    """Whether paired changes of the objective, one per seed, are an improvement."""
    sign = 1.0 if objective.direction == "max" else -1.0
    return assess_claim([sign * change for change in changes], above=0.0).verdict


def _best_values(
    db: store.Database, run_ids: Sequence[int], objective: Objective
) -> Mapping[str, Mapping[int, float]]:
    """The best objective of each run that has one, by digest of the setting and seed."""
    best_values = store.best_values(db, run_ids, objective.metric, objective.direction)
    values: dict[str, dict[int, float]] = {}
    for run in store.runs(db, run_ids=run_ids):
        if run.id in best_values:
            values.setdefault(run.trial.digest, {})[run.known_seed] = best_values[run.id][0]
    return values
