"""Calls to user-defined models, losses, optimizers and schedules; errors name the user's line."""

from collections.abc import Callable
from typing import TypeVar

from nnlab.engine import memory
from nnlab.engine.error_description import describe_error
from nnlab.errors import NnlabError, UserCodeError

Result = TypeVar("Result")


def call_user_code(option: str, call: Callable[[], Result]) -> Result:
    """The result of user code.

    Args:
        option: the option that names the code, such as `--loss losses.py:focal`.
        call: calls the code.

    Raises:
        UserCodeError: the code raises an error; the message has the user's file and line.
        Exception: an out-of-memory error, which the caller may handle, is raised unchanged.
    """
    try:
        return call()
    except NnlabError:
        raise
    except Exception as error:
        if memory.is_out_of_memory(error):
            raise
        raise UserCodeError(f"{option} raises an error: {describe_error(error)}") from error
