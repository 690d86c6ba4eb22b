"""The runs that this process records at the moment; the newest is the current one."""

from typing import Protocol

from nnlab.tracking.recorder import RunEnd


class EndableRun(Protocol):
    """What the end of the process needs of a run."""

    def end(self, end: RunEnd) -> None:
        """Stores everything and ends the run."""

    def forget_connection(self) -> None:
        """Called in a forked child: the run is recorded by the parent only."""


_active: list[EndableRun] = []


def add_active(run: EndableRun) -> None:
    """Makes a run the current one."""
    _active.append(run)


def remove_active(run: EndableRun) -> None:
    """Removes a run that has ended."""
    _active[:] = [other for other in _active if other is not run]


def active_runs() -> tuple[EndableRun, ...]:
    """All runs that have not ended, the oldest first."""
    return tuple(_active)


def current_run() -> EndableRun | None:
    """The newest run that has not ended."""
    return _active[-1] if _active else None
