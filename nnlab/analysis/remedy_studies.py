"""Which studies were created by `nnlab remedy`, and the finding that each of them treats."""

from collections import Counter

from nnlab import store
from nnlab.analysis.remedies import CONTROL_ARM
from nnlab.diagnose import group_symptoms
from nnlab.records import Study


def is_remedy_study(study: Study) -> bool:
    """Whether `nnlab remedy` made it."""
    return bool(study.arms) and study.arms[0].name == CONTROL_ARM


def treated_finding(db: store.Database, study: Study) -> str:
    """The finding that most runs of the control have first, "" where they have none."""
    control = study.arms[0].trials[0]
    runs = [r for r in store.runs(db, study=study.id) if r.trial.digest == control]
    found = store.findings(db, [run.id for run in runs])
    firsts = Counter(group_symptoms(of)[0].finding.code for of in found.values() if of)
    return firsts.most_common(1)[0][0] if firsts else ""
