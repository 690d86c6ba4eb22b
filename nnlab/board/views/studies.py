"""The studies that the board shows, for the selector in the header."""

from collections.abc import Mapping
from typing import Any

from nnlab import store
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters


def list_studies(context: BoardContext, _: Parameters) -> Mapping[str, Any]:
    """The names of the studies, the newest first."""
    studies = store.all_studies(context.db)
    if context.scope.runs is not None:
        runs = store.runs(context.db, run_ids=context.scope.runs)
        names = {run.trial.study for run in runs}
        studies = tuple(study for study in studies if study.name in names)
    elif context.scope.studies is not None:
        studies = tuple(study for study in studies if study.id in context.scope.studies)
    ordered = sorted(studies, key=lambda study: study.id, reverse=True)
    return {"studies": [{"name": study.name} for study in ordered]}
