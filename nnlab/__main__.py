"""Where the program starts: the console script `nnlab`, and `python -m nnlab`."""

import atexit
import contextlib
import gc
import os
import sys


def entry() -> None:
    """Runs the command line and exits with its code."""
    # Imports create no cyclic garbage, and the collector takes a twentieth of the start-up time.
    # Training turns it on again.
    gc.disable()
    from nnlab.cli.main import main

    _exit_process(main())


def _exit_process(code: int) -> None:
    """Runs the exit handlers, flushes the output and ends the process.

    The interpreter's own shutdown is skipped: it takes 0.1 seconds, and 0.5 with torch.
    """
    atexit._run_exitfuncs()
    # Python has None where the descriptor was closed before the start.
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):  # the reader of a pipe has exited
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    entry()
