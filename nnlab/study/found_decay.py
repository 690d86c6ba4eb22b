"""Trials with the decays that find-decay proposes for the runs of a `[find-decay]` table."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.find_decay import METRIC, DecaySuggestion, find_decay, with_decay
from nnlab.errors import ConfigError, NoDatabase, UsageError
from nnlab.io.command_line import quote_command
from nnlab.records import Arm, History, Run, Status
from nnlab.settings import config_of, digest_of, setting_of
from nnlab.settings.setting_differences import distinguishing_fields, setting_label
from nnlab.settings.space import TrialSpec
from nnlab.study.database import open_results
from nnlab.study.decay_source import FOUND_DECAY, DecaySource
from nnlab.study.request import TrainRequest


@dataclass(frozen=True, slots=True)
class FoundDecays:
    """The trials of an arm with the proposed decays, and a note that states them.

    Without trials the runs that find-decay looks at are not trained yet, and `note` says so.
    """

    trials: tuple[TrialSpec, ...]
    note: str


@dataclass(frozen=True, slots=True)
class MedianSuggestion:
    """The suggestion of the run with the median plateau; `plateaus` of `runs` runs have one."""

    suggestion: DecaySuggestion | None
    plateaus: int
    runs: int

    def __str__(self) -> str:
        """The steps, for example `decay_at=10,25 (a plateau in 5 of 5 runs)`."""
        proposals = self.suggestion.proposals if self.suggestion else ()
        steps = f"decay_at={proposals[0].options['decay_at']}" if proposals else "no decay"
        return f"{steps} (a plateau in {self.plateaus} of {self.runs} runs)"


def find_decays(source: DecaySource, trials: Sequence[TrialSpec], db: str | None) -> FoundDecays:
    """The trials of an arm, each with the decay that find-decay proposes for its setting.

    Args:
        source: the runs that find-decay looks at.
        trials: the trials of the arm without decay.
        db: path or URL of the database that holds these runs.

    Raises:
        ConfigError: a trial is none of the settings of these runs.
        UsageError: find-decay cannot judge a run, for example because it is too short.
    """
    runs = _finished_runs(source, db)
    if runs is None:
        return FoundDecays((), f"left out: its decay is found in '{source.study}', trained first")
    fields = distinguishing_fields([trial.setting for trial in trials])
    decayed, texts = [], []
    for trial in trials:
        label = setting_label(trial.setting, fields)
        if trial.digest not in runs:
            raise ConfigError([f"[{FOUND_DECAY}] has no runs of the setting {label}".rstrip()])
        median = median_suggestion(runs[trial.digest])
        decayed.append(_with_decay_of(trial, median))
        texts.append(f"{label}: {median}" if label else str(median))
    return FoundDecays(
        tuple(decayed), f"found by find-decay in '{source.study}': {'; '.join(texts)}"
    )


def _finished_runs(
    source: DecaySource, db: str | None
) -> dict[str, list[tuple[Run, History]]] | None:
    """The runs that find-decay looks at and their histories, by digest; None until all ended."""
    try:
        with open_results(db) as database:
            studies = {study.name: study for study in store.all_studies(database)}
            if source.study not in studies:
                return None
<<<<<<< HEAD
            runs = store.runs(database, study=studies[source.study].id, current_only=True)
            runs = tuple(run for run in runs if run.seed in source.seeds)
=======
            stored = store.runs(database, study=studies[source.study].id, current_only=True)
            runs = [run for run in stored if run.seed in source.seeds]
>>>>>>> claims
            histories = store.histories(database, [run.id for run in runs], [METRIC])
    except NoDatabase:
        return None
    if not runs or any(run.status.needs_training for run in runs):
        return None
    by_digest: dict[str, list[tuple[Run, History]]] = {}
    for run in runs:
        by_digest.setdefault(run.trial.digest, []).append((run, histories[run.id]))
    return by_digest


def median_suggestion(runs: Sequence[tuple[Run, History]]) -> MedianSuggestion:
    """The suggestion of the run whose plateau begins at the (lower) median epoch.

    A run without a plateau counts as the latest, and so does one that diverged.
    """
    suggestions = [
        None if run.status is Status.DIVERGED else find_decay(history, run.trial.setting)
        for run, history in runs
    ]
    by_epoch = sorted(suggestions, key=_plateau_epoch)
    plateaus = sum(_plateau_epoch(suggestion) < math.inf for suggestion in suggestions)
    return MedianSuggestion(by_epoch[(len(by_epoch) - 1) // 2], plateaus, len(by_epoch))


def _plateau_epoch(suggestion: DecaySuggestion | None) -> float:
    return math.inf if suggestion is None or suggestion.epoch is None else suggestion.epoch


def _with_decay_of(trial: TrialSpec, median: MedianSuggestion) -> TrialSpec:
    """The trial with the proposed steps, or as it is if nothing is proposed."""
    if median.suggestion is None or not median.suggestion.proposals:
        return trial
    decayed = with_decay(trial.setting, median.suggestion.proposals[0].options)
    config = config_of(decayed, 0)
    setting = setting_of(config)
    return TrialSpec(config, setting, digest_of(setting), trial.notes)


def find_decay_request(request: TrainRequest) -> TrainRequest | None:
    """The request that trains the runs that find-decay looks at; None where none are needed."""
    source = request.decay_source
    if source is None or request.extend:
        return None
    return TrainRequest(
        settings=source.settings,
        study=source.study,
        question=f"runs without decay in which {request.study} finds its decay",
        name=source.study,
        seed=",".join(map(str, source.seeds)),
    )


def check_decays_found(request: TrainRequest, arms: Sequence[Arm]) -> None:
    """Checks that the runs in which find-decay finds the decays of arms are trained.

    Raises:
        UsageError: they are not; the hint is the command that trains them.
    """
    source = request.decay_source
    if source is None or all(arm.trials for arm in arms if arm.name in source.arms):
        return
    train = quote_command("nnlab", "train", "--study", str(request.study))
    raise UsageError(
        f"study '{request.study}' finds a decay in runs that are not trained yet",
        hint=f"{train} trains them first",
    )
