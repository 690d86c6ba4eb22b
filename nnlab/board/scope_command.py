"""The commands that print what a view shows, for the user to copy."""

from nnlab import store
from nnlab.analysis.scope import Scope
from nnlab.board.context import BoardContext
from nnlab.io.command_line import quote_command

# A longer list of runs does not fit on a command line that a person reads.
_MAX_RUNS = 100
_DEFAULT_DATABASE = "runs.db"


def scope_command(context: BoardContext, scope: Scope, command: str, *options: str) -> str | None:
    """A command such as `nnlab compare` for the runs of a scope; None for too many runs.

    Args:
        context: the database, which the command names unless it is the default.
        scope: the runs.
        command: the name of the command, such as `compare` or `plot sweep`.
        options: its options.
    """
    names = _scope_names(context.db, scope)
    if names is None:
        return None
    words = (*command.split(), *names, *options, *_database_option(context.db))
    return quote_command("nnlab", *words)


def run_command(context: BoardContext, command: str, *words: object) -> str:
    """A command with these words, such as the number of a run."""
    return quote_command("nnlab", command, *words, *_database_option(context.db))


def _database_option(db: store.Database) -> tuple[str, ...]:
    name = db.address.display_name
    return () if name == _DEFAULT_DATABASE else ("--db", name)


def _scope_names(db: store.Database, scope: Scope) -> tuple[str, ...] | None:
    if scope.runs is not None:
        return tuple(map(str, scope.runs)) if len(scope.runs) <= _MAX_RUNS else None
    if scope.studies is None:
        return ()
    names = {study.id: study.name for study in store.all_studies(db)}
    return tuple(names[study] for study in scope.studies if study in names)
