"""Notes on what makes the comparisons of a study unfair: how its arms were tuned, and its seeds."""

from collections.abc import Iterator

from nnlab.analysis.range_edges import tuned_edge_texts
from nnlab.analysis.verdict import StudyVerdict, TunedArm
from nnlab.io.text import format_count, join_names
from nnlab.records import Comparison, Setting, Study
from nnlab.settings.setting_differences import distinguishing_fields


def fairness_notes(study: Study, study_verdict: StudyVerdict) -> tuple[str, ...]:
    """Notes on tuned values at the edge of a grid, unequal tuning, and seeds of the pilot."""
    notes = (
        *_edge_notes(study_verdict),
        *_trial_count_notes(study_verdict),
        *_pilot_notes(study),
    )
    return tuple(dict.fromkeys(notes))


def _edge_notes(study_verdict: StudyVerdict) -> Iterator[str]:
    tuned = {
        name
        for result in study_verdict.results
        if _compares_tuned_arms(result.comparison)
        for name in result.comparison.arms
    }
    for arm in study_verdict.arms.values():
        if arm.arm in tuned and arm.n_trials > 1:
            settings = _settings(arm)
            space = {
                name: tuple(dict.fromkeys(setting.get(name) for setting in settings))
                for name in distinguishing_fields(settings)
            }
            yield from (f"{arm.arm}: {text}" for text in tuned_edge_texts(space, arm.setting))


def _trial_count_notes(study_verdict: StudyVerdict) -> Iterator[str]:
    for result in study_verdict.results:
        comparison = result.comparison
        arms = [arm for name, arm in study_verdict.arms.items() if name in comparison.arms]
        if _compares_tuned_arms(comparison) and len({arm.n_trials for arm in arms}) > 1:
            counts = [f"{arm.arm} over {format_count(arm.n_trials, 'trial')}" for arm in arms]
            yield f"compared arms are not tuned equally: {join_names(counts)}"


def _compares_tuned_arms(comparison: Comparison) -> bool:
    """Whether the best trial represents each arm; a rank correlation is over all trials."""
    return comparison.scale != "correlation"


def _pilot_notes(study: Study) -> Iterator[str]:
    shared = sorted(set(study.seeds) & set(study.pilot.seeds if study.pilot else ()))
    if shared:
        yield (
            f"the study was designed on {format_count(len(shared), 'seed')} of the verdict"
            f" ({', '.join(map(str, shared))})"
        )


def _settings(arm: TunedArm) -> list[Setting]:
    return [next(iter(runs.values())).trial.setting for runs in arm.trials]
