"""What the user chooses for an import, and what an import reports about each run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nnlab.exchange.importing.seed_source import SeedSource
from nnlab.exchange.log_reader import LoggedRun
from nnlab.records import SourceNote

# What an import did with a logged run:
# - new, continued, replaced: its samples were stored, the new ones, or all because the log was
#   written anew;
# - unchanged: nothing was logged since the last import;
# - removed: the user has removed the run from the database, so it is left out;
# - busy: another process is importing it;
# - failed: its log could not be read.
Outcome = Literal["new", "continued", "replaced", "unchanged", "removed", "busy", "failed"]


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How logged runs become runs of the database.

    `study` is None for the name of the project, experiment or folder. `metric_names` has the names
    that the user gives to metrics, by their names in the log; all others get nnlab's usual names,
    unless `keep_names`.
    """

    study: str | None = None
    seed_source: SeedSource | None = None
    metric_names: Mapping[str, str] = field(default_factory=dict)
    keep_names: bool = False
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did with one logged run; `values` is the number of values that it stored.

    `metric_names` has the name in the log of each metric. `run_id` is None if the database has no
    such run. `error` says why the log could not be read.
    """

    logged: LoggedRun
    outcome: Outcome
    run_id: int | None = None
    values: int = 0
    metric_names: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[SourceNote, ...] = ()
    error: str | None = None
