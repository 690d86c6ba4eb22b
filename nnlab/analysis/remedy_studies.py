"""Studies that `nnlab remedy` created: the finding they treat, and the names of their trials."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from nnlab import store
from nnlab.analysis.records import Ranking
from nnlab.analysis.remedies import CONTROL_ARM
from nnlab.diagnosis import group_symptoms
from nnlab.objective import Setting
from nnlab.records import Study


def is_remedy_study(study: Study) -> bool:
    """Whether `nnlab remedy` created the study: its first arm is the control."""
    return bool(study.arms) and study.arms[0].name == CONTROL_ARM


# The question of a remedy study, which says what it treats; earlier versions did not name the
# finding.
_QUESTION = re.compile(r"What (?:mends|remedies (?P<code>\w+) of) run (?P<run>\d+)\?")


def remedy_question(code: str, run: int) -> str:
    """The question of the study of the remedies for a finding of a run."""
    return f"What remedies {code} of run {run}?"


def treated_run(study: Study) -> int | None:
    """The number of the run whose remedies a study tries; None if its question does not say so."""
    match = _QUESTION.fullmatch(study.question)
    return int(match["run"]) if match else None


def treated_finding(db: store.Database, study: Study) -> str:
    """The code of the finding whose remedies a study tries.

    For studies of earlier versions it is the most common first finding in the runs of the control;
    "" if there is none.
    """
    match = _QUESTION.fullmatch(study.question)
    if match is not None and match["code"]:
        return match["code"]
    control_digest = study.arms[0].trials[0]
    runs = store.runs(db, study=study.id)
    control_ids = [run.id for run in runs if run.trial.digest == control_digest]
    codes = Counter(
        group_symptoms(findings)[0].finding.code
        for findings in store.findings(db, control_ids).values()
        if findings
    )
    return codes.most_common(1)[0][0] if codes else ""


# The name of the remedy among the fields of a row, instead of the fields in which trials differ.
REMEDY_FIELD = "remedy"


def name_remedies(db: store.Database, ranking: Ranking) -> Ranking:
    """A ranking of one remedy study with the names of the remedies; any other one unchanged.

    The settings of the rows get the field `remedy`, which is the only one of the ranking's fields.
    """
    trials = [row.trials for row in ranking.rows]
    if not trials or any(len(group) > 1 for group in trials):
        return ranking
    names = _remedy_names(
        db, [*(group[0] for group in trials), *(trial.trial for trial in ranking.unranked)]
    )
    if not names:
        return ranking

    def named(setting: Setting, trial: int) -> Setting:
        return {REMEDY_FIELD: names[trial], **setting}

    return replace(
        ranking,
        fields=(REMEDY_FIELD,),
        ranks_with_equal_fields=frozenset(),
        rows=tuple(replace(row, setting=named(row.setting, row.trials[0])) for row in ranking.rows),
        unranked=tuple(
            replace(trial, setting=named(trial.setting, trial.trial)) for trial in ranking.unranked
        ),
    )


def _remedy_names(db: store.Database, trial_ids: list[int]) -> Mapping[int, str]:
    """The arm of each trial; empty unless all are trials of one remedy study."""
    studies = {study.name: study for study in store.all_studies(db) if is_remedy_study(study)}
    if not studies:
        return {}
    trials = store.trials(db, trial_ids)
    (name, *others) = {trial.study for trial in trials.values()} or {""}
    if others or name not in studies:
        return {}
    arms = {digest: arm.name for arm in studies[name].arms for digest in arm.trials}
    names = {id_: arms[trial.digest] for id_, trial in trials.items() if trial.digest in arms}
    return names if len(names) == len(trial_ids) else {}
