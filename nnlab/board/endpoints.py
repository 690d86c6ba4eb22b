"""The requests for data that the page makes: the name of each and the function that answers it."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.runs import read_run_ids, read_runs, read_trials
from nnlab.board.views.studies import list_studies

# A function that returns an object for JSON.
Endpoint = Callable[[BoardContext, Parameters], Mapping[str, Any]]


def endpoints() -> Mapping[str, Endpoint]:
    """The functions by the name in `api/NAME`."""
    return {
        "runs": read_runs,
        "runs/ids": read_run_ids,
        "runs/trials": read_trials,
        "studies": list_studies,
    }
