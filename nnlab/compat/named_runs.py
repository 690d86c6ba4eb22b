"""Runs that a script identifies by a text: an id of W&B, a name of Trackio, a folder of events."""

from collections.abc import Sequence
from typing import Any, Literal

from nnlab.errors import UsageError
from nnlab.tracking.run_handle import RunHandle
from nnlab.tracking.start import init as start_run

Resume = Literal["allow", "must", "never"]


def start_with_id(ids: Sequence[str], resume: Resume | None, **arguments: Any) -> RunHandle:
    """Starts a run with the first of the ids that is possible, or without one if none is.

    Raises:
        UsageError: no run with these ids fits `resume`.
    """
    problem: UsageError | None = None
    for identifier in ids:
        try:
            return start_run(id=identifier, resume=resume or "never", **arguments)
        except UsageError as error:
            problem = error
    if problem is not None and resume is not None:
        raise problem
    return start_run(resume=None if ids else resume, **arguments)
