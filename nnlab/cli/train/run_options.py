"""How `nnlab train` and `nnlab run` handle a request."""

from dataclasses import dataclass

from nnlab.cli.train.train.execute import OutputOptions
from nnlab.workers.executor import ExecutionOptions


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How `nnlab train` and `nnlab run` handle a request.

    Attributes:
        db: path or URL of the database; None for the default.
        output: how much is printed.
        execution: what executes the runs, and what is stored of them.
        again: whether each run is repeated even if it is stored already.
        dry_run: whether nothing is executed or written.
        wait: whether to wait for runs of the study that other processes execute.
        notify: a shell command that is executed when a run fails and at the end.
    """

    db: str | None
    output: OutputOptions
    execution: ExecutionOptions
    again: bool = False
    dry_run: bool = False
    wait: bool = True
    notify: str | None = None
