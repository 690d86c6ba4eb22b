"""Loads the modules of a worker in the forkserver; imported there and nowhere else."""

import atexit
import gc
import os

gc.disable()  # nothing is garbage while modules are loaded
import nnlab.workers.worker_main  # noqa: E402, F401

gc.enable()
# The regular cleanup of torch would delay the end of the command by half a second.
atexit.register(os._exit, 0)
