"""Which studies `nnlab remedy` created, and which finding they treat; for reports and figures."""

from collections import Counter

from nnlab import store
from nnlab.analysis.remedies import CONTROL_ARM
from nnlab.diagnosis import group_symptoms
from nnlab.records import Study


def is_remedy_study(study: Study) -> bool:
    """Whether `nnlab remedy` created the study: its first arm is the control."""
    return bool(study.arms) and study.arms[0].name == CONTROL_ARM


def treated_finding(db: store.Database, study: Study) -> str:
    """The code of the most common first finding in the runs of the control; "" if there is none."""
    control_digest = study.arms[0].trials[0]
    runs = store.runs(db, study=study.id)
    control_ids = [run.id for run in runs if run.trial.digest == control_digest]
    codes = Counter(
        group_symptoms(findings)[0].finding.code
        for findings in store.findings(db, control_ids).values()
        if findings
    )
    return codes.most_common(1)[0][0] if codes else ""
