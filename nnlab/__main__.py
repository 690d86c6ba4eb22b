"""Where the program starts: the console script `nnlab`, and `python -m nnlab`."""

import atexit
import contextlib
import gc
import os
import sys


def entry() -> None:
    """Runs the command line and exits with its code."""
    # While modules are imported nothing becomes garbage, but looking for it takes a twentieth of
    # the start. Training turns the collector on again.
    gc.disable()
    from nnlab.cli.main import main

    _leave(main())


def _leave(code: int) -> None:
    """Ends the process without taking its modules apart first, which takes a tenth of a second.

    With torch it is half a second.
    """
    atexit._run_exitfuncs()
    # Python has None where the descriptor was closed before the start.
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):  # whoever listened has gone
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    entry()
