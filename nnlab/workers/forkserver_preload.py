"""What the template loads; imported there and nowhere else."""

import atexit
import gc
import os

gc.disable()  # nothing is garbage while modules are loaded
import nnlab.workers.worker_process  # noqa: E402, F401

gc.enable()
# Nobody waits for torch to be taken apart, which takes half a second.
atexit.register(os._exit, 0)
