"""What every view reads from: the database, and the runs that the board shows."""

from dataclasses import dataclass

from nnlab import store
from nnlab.analysis.scope import Scope


@dataclass(frozen=True, slots=True)
class BoardContext:
    """The database, and the scope that limits everything the board shows.

    `scope` is the whole database unless studies or runs were named on the command line.
    """

    db: store.Database
    scope: Scope
