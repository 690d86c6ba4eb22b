"""The names of the arms of a study as labels of its trials, in tables, legends, figures and lists.

A trial of a study that compares arms is named by its arm, followed by the values of the fields in
which the trials of that arm differ: `fine-tuned`, or `fine-tuned, lr=0.01`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.remedy_studies import is_remedy_study
from nnlab.records import Arm, Setting, Trial
from nnlab.settings.setting_differences import distinguishing_fields, setting_label


def arm_label(arm: str, tuned_values: str) -> str:
    """The label of a trial of an arm: its name, and its tuned values if it has any.

    >>> arm_label("fine-tuned", "lr=0.01"), arm_label("fine-tuned", "")
    ('fine-tuned, lr=0.01', 'fine-tuned')
    """
    return f"{arm}, {tuned_values}" if tuned_values else arm


def arms_by_digest(arms: Sequence[Arm]) -> Mapping[str, str]:
    """The arm of each trial of a study by the digest of its setting; a shared trial names both."""
    names: dict[str, list[str]] = {}
    for arm in arms:
        for digest in arm.trials:
            names.setdefault(digest, []).append(arm.name)
    return {digest: " and ".join(dict.fromkeys(shared)) for digest, shared in names.items()}


@dataclass(frozen=True, slots=True)
class ArmsOfStudies:
    """The arms of studies by the name of the study; of studies without arms there are none."""

    by_study: Mapping[str, Mapping[str, str]]

    def arm_of(self, trial: Trial) -> str:
        """The arm of a trial; empty if its study has no arms, or the trial is in none of them."""
        return self.by_study.get(trial.study, {}).get(trial.digest, "")

    def arms_of_one_study(self, trials: Iterable[Trial]) -> Mapping[int, str]:
        """The arm of each trial by its id; empty unless all are in arms of the same study."""
        trials = list(trials)
        arms = {trial.id: self.arm_of(trial) for trial in trials}
        is_one_study = len({trial.study for trial in trials}) == 1
        return arms if is_one_study and all(arms.values()) else {}


NO_ARMS = ArmsOfStudies({})


def load_arms(db: store.Database) -> ArmsOfStudies:
    """The arms of all studies of a database; those of `nnlab remedy` have names of their own."""
    return ArmsOfStudies(
        {
            study.name: arms_by_digest(study.arms)
            for study in store.all_studies(db)
            if study.arms and not is_remedy_study(study)
        }
    )


def tuned_fields(settings: Sequence[Setting], arms: Sequence[str]) -> tuple[str, ...]:
    """The fields in which trials of the same arm differ.

    Args:
        settings: the settings of trials.
        arms: the arm of each of them.
    """
    by_arm: dict[str, list[Setting]] = {}
    for setting, arm in zip(settings, arms, strict=True):
        by_arm.setdefault(arm, []).append(setting)
    varied = (name for group in by_arm.values() for name in distinguishing_fields(group))
    return tuple(dict.fromkeys(varied))


def trial_labels(trials: Iterable[Trial], arms: ArmsOfStudies) -> dict[int, str]:
    """A label of each trial by its id: its arm and tuned values, or what distinguishes its setting.

    Trials in arms are distinguished from those of the same arm, the others from each other.
    """
    groups: dict[tuple[str, str], list[Trial]] = {}
    for trial in {trial.id: trial for trial in trials}.values():
        arm = arms.arm_of(trial)
        groups.setdefault((trial.study if arm else "", arm), []).append(trial)
    labels: dict[int, str] = {}
    for (_, arm), group in groups.items():
        fields = distinguishing_fields([trial.setting for trial in group])
        for trial in group:
            values = setting_label(trial.setting, fields)
            labels[trial.id] = arm_label(arm, values) if arm else values
    return labels
