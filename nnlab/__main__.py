"""Where the program starts: the console script `nnlab`, and `python -m nnlab`."""

import gc
import sys


def entry() -> None:
    """Runs the command line and exits with its code."""
    # While modules are imported nothing becomes garbage, but looking for it takes a twentieth of
    # the start. Training turns the collector on again.
    gc.disable()
    from nnlab.cli.main import main

    sys.exit(main())


if __name__ == "__main__":
    entry()
