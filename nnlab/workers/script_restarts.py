"""`Restarts` decides when a script that was killed or out of memory is started again."""

from collections.abc import Callable
from dataclasses import dataclass

from nnlab.workers.script_outcome import Retry, ScriptOutcome
from nnlab.workers.script_slots import ScriptResources

# A script that is killed so often without progress is not started again.
MAX_KILLS = 3


@dataclass(frozen=True, slots=True)
class NextAttempt:
    """A restart: what the user is told, and a function that returns when it may begin."""

    message: str
    wait: Callable[[], None]


class Restarts:
    """Counts how often one run was started again."""

    def __init__(self, resources: ScriptResources) -> None:
        self._resources = resources
        self._kills = 0
        self._had_device_alone = False

    def next(self, retry: Retry, *, progress: bool) -> NextAttempt | None:
        """The next restart; None if there is no point in another one.

        Args:
            retry: why the script has ended.
            progress: whether it has logged new values since it was started.
        """
        if retry is Retry.OUT_OF_MEMORY:
            wait = self._resources.wait_for_device
            if wait is None or self._had_device_alone:
                return None
            self._had_device_alone = True
            return NextAttempt(_message(retry, "once no other run uses its device"), wait)
        self._kills = 1 if progress else self._kills + 1
        if self._kills >= MAX_KILLS:
            return None
        wait = self._resources.wait_for_machine
        if self._kills == 1 or wait is None:
            return NextAttempt(_message(retry, "now"), _do_not_wait)
        return NextAttempt(_message(retry, "once no other run is active"), wait)

    def final_reason(self, outcome: ScriptOutcome) -> str | None:
        """The reason of a run that is not started again."""
        if outcome.retry is Retry.KILLED:
            return f"{outcome.reason} {MAX_KILLS} times without progress"
        return outcome.reason


def _message(retry: Retry, when: str) -> str:
    return f"{retry.value}; it starts again with the same checkpoint folder, {when}"


def _do_not_wait() -> None:
    """The restart begins at once."""
