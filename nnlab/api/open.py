"""`nnlab.open`: opens a results database for reading."""

import os

from nnlab import store
from nnlab.api.argument_checks import check_arguments
from nnlab.api.error_hints import hints_in_tracebacks
from nnlab.api.results import Results
from nnlab.study.database import database_target


@hints_in_tracebacks()
def open_results_database(db: str | os.PathLike[str] | None = None) -> Results:
    """Opens a results database for reading; no file is created.

        with nnlab.open("runs.db") as results:
            print(results.compare("depth"))

    Args:
        db: a path or a URL; by default that of NNLAB_DB, or `runs.db` in the working folder.

    Raises:
        NoDatabase: there is no database.
        NotADatabase: the file is of another kind, or damaged.
        ConfigError: `db` is neither a path nor a URL.
        UsageError: the URL is of an unsupported kind.
        StoreError: it cannot be read.
    """
    check_arguments(paths={"db": db})
    target = database_target(None if db is None else os.fspath(db))
    return Results(store.open_database(target, write=False))
