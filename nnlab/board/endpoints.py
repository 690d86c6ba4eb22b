"""The requests for data that the page makes: the name of each and the function that answers it."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views import curves
from nnlab.board.views.evidence import read_evidence
from nnlab.board.views.findings import read_findings
from nnlab.board.views.one_run import read_one_run
from nnlab.board.views.queue import read_queue
from nnlab.board.views.ranking import read_ranking
from nnlab.board.views.run_layers import read_run_layers
from nnlab.board.views.run_log import read_run_log
from nnlab.board.views.runs import read_run_ids, read_runs, read_trials
from nnlab.board.views.settings import read_importance, read_settings
from nnlab.board.views.studies import list_studies
from nnlab.board.views.two_runs import read_two_curves, read_two_runs

# A function that returns an object for JSON.
Endpoint = Callable[[BoardContext, Parameters], Mapping[str, Any]]


def endpoints() -> Mapping[str, Endpoint]:
    """The functions by the name in `api/NAME`."""
    return {
        "runs": read_runs,
        "runs/ids": read_run_ids,
        "runs/trials": read_trials,
        "findings": read_findings,
        "findings/evidence": read_evidence,
        "queue": read_queue,
        "ranking": read_ranking,
        "curves/index": curves.read_index,
        "curves/data": curves.read_data,
        "run": read_one_run,
        "run/layers": read_run_layers,
        "run/log": read_run_log,
        "studies": list_studies,
        "settings": read_settings,
        "settings/importance": read_importance,
        "two_runs": read_two_runs,
        "two_runs/curves": read_two_curves,
    }
