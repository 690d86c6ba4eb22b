"""Small training scripts of users, for the tests of `nnlab run`."""

from pathlib import Path

# Trains with argparse flags, continues from its checkpoint, and saves one on SIGTERM.
TRAIN = """
import argparse, json, os, pathlib, signal, sys, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=0.1, help="learning rate")
parser.add_argument("--batch-size", type=int, default=16)
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--seconds", type=float, default=0.0, help="per epoch")
parser.add_argument("--name", default="x")
args = parser.parse_args()
checkpoint = pathlib.Path(os.environ["NNLAB_DIR"], "checkpoints", "last.json")
done = json.loads(checkpoint.read_text()) if checkpoint.exists() else 0
print(f"starts after epoch {done} with seed {args.seed} of {os.environ['NNLAB_SEED']}")
print("devices", os.environ.get("CUDA_VISIBLE_DEVICES"))

def stop(number, frame):
    print("saving on SIGTERM")
    sys.exit(0)

signal.signal(signal.SIGTERM, stop)
for epoch in range(done + 1, args.epochs + 1):
    loss = args.lr / epoch + args.seed / 1000
    print(f"epoch {epoch}/{args.epochs} train_loss={loss:.4f} val_loss={loss + 0.1:.4f}"
          f" val_acc={1 - loss:.4f}", flush=True)
    checkpoint.write_text(str(epoch))
    time.sleep(args.seconds)
"""


def write_script(folder: Path, text: str = TRAIN, name: str = "train.py") -> Path:
    """Writes a script into a folder."""
    path = folder / name
    path.write_text(text)
    return path
