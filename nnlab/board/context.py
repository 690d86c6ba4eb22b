"""What every view reads from: the database, and the runs that the board shows."""

from dataclasses import dataclass, field

from nnlab import store
from nnlab.analysis.scope import Scope
from nnlab.board.answer_cache import AnswerCache


@dataclass(frozen=True, slots=True)
class BoardContext:
    """The database, and the scope that limits everything the board shows.

    `scope` is the whole database unless studies or runs were named on the command line. `answers`
    keeps the answers that take long to compute.
    """

    db: store.Database
    scope: Scope
    answers: AnswerCache = field(default_factory=AnswerCache, compare=False)
