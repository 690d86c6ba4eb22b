"""The requests for data that the page makes: the name of each and the function that answers it."""

from collections.abc import Callable, Mapping
from typing import Any

from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views import curves
from nnlab.board.views.studies import list_studies

# A function that returns an object for JSON.
Endpoint = Callable[[BoardContext, Parameters], Mapping[str, Any]]


def endpoints() -> Mapping[str, Endpoint]:
    """The functions by the name in `api/NAME`."""
    return {
        "curves/index": curves.read_index,
        "curves/data": curves.read_data,
        "studies": list_studies,
    }
