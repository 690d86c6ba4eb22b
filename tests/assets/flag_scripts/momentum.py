"""Trains one weight with momentum, and resumes from checkpoints; prints its metrics.

`--unseeded` makes it irreproducible, `--lose-state` restores only the weight, `--die-at` kills the
first execution, `--fail-at` ends it after a checkpoint, `--local` keeps the checkpoint in the
working folder, `--silent` prints nothing.
"""

import argparse
import json
import os
import random
import signal
import time
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.01)
parser.add_argument("--momentum", type=float, default=0.9)
parser.add_argument("--steps", type=int, default=80)
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--die-at", type=int)
parser.add_argument("--fail-at", type=int)
parser.add_argument("--save-every", type=int, default=20)
for flag in ("--unseeded", "--lose-state", "--local", "--silent"):
    parser.add_argument(flag, action="store_true")
options = parser.parse_args()

generator = random.Random()
if not options.unseeded:
    generator.seed(options.seed)
folder = Path() if options.local else Path(os.environ["NNLAB_DIR"]) / "checkpoints"
checkpoint = folder / "last.json"
weight, velocity, start = 5.0, 0.0, 0
if checkpoint.exists():
    state = json.loads(checkpoint.read_text())
    weight, start = state["weight"], state["step"]
    if not options.lose_state:
        velocity = state["velocity"]
    version, internal, gauss = state["generator"]
    generator.setstate((version, tuple(internal), gauss))
for step in range(start, options.steps):
    gradient = 2 * weight + 0.01 * generator.gauss(0, 1)
    velocity = options.momentum * velocity + gradient
    weight -= options.lr * velocity
    if not options.silent:
        values = {"step": step, "train/loss": weight**2, "step_time": time.time()}
        print(json.dumps(values), flush=True)
    if options.die_at == step and start == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    if (step + 1) % options.save_every == 0:
        state = {"weight": weight, "velocity": velocity, "step": step + 1}
        checkpoint.write_text(json.dumps({**state, "generator": generator.getstate()}))
    if options.fail_at == step and start == 0:
        raise ValueError("the loss is wrong")
