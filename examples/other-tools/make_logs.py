"""Writes what eight tools would have logged of one experiment: four seeds of a learning rate each.

The numbers are made up: a loss that falls faster with a larger learning rate, and overfits sooner.
"""

import json
import math
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nnlab

LOGS = Path("logs")
EPOCHS, SEEDS = 30, 4


def epochs_of(lr: float, seed: int) -> Iterator[tuple[int, float, float, float]]:
    """Epoch, training loss, validation loss and validation accuracy."""
    noise = random.Random(f"{lr} {seed}")
    for epoch in range(1, EPOCHS + 1):
        progress = 1 - math.exp(-2 * lr * epoch)
        train = 2.3 * (1 - progress) + 0.02 * noise.random()
        val = train + 0.1 + 0.5 * lr * max(0.0, epoch - 12) / EPOCHS + 0.03 * noise.random()
        yield epoch, train, val, 0.95 * progress + 0.02 * noise.random()


def record_and_export(kind: str, lr: float) -> None:
    """Writes a log of a tool with nnlab's own writer of its format."""
    for seed in range(SEEDS):
        with nnlab.init(study=kind, config={"lr": lr}, seed=seed, db="recorded.db") as run:
            for epoch, train, val, accuracy in epochs_of(lr, seed):
                run.log(
                    {"train/loss": train, "val/loss": val, "val/accuracy": accuracy}, epoch=epoch
                )
    words = ["export", kind, "--to", kind, "-o", str(LOGS / kind), "--db", "recorded.db"]
    subprocess.run([sys.executable, "-m", "nnlab", *words], check=True)


def write_json_lines(lr: float) -> None:
    """Writes one JSON object per epoch; the name of the file has the setting."""
    for seed in range(SEEDS):
        path = LOGS / "jsonl" / f"lr={lr},seed={seed}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            for epoch, train, val, accuracy in epochs_of(lr, seed):
                row = {"epoch": epoch, "train_loss": train, "val_loss": val, "val_acc": accuracy}
                file.write(json.dumps(row) + "\n")


def write_keras_csv(lr: float) -> None:
    """Writes what Keras's CSVLogger writes."""
    for seed in range(SEEDS):
        path = LOGS / "keras" / f"lr={lr},seed={seed}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            file.write("epoch,loss,val_accuracy,val_loss\n")
            for epoch, train, val, accuracy in epochs_of(lr, seed):
                file.write(f"{epoch - 1},{train},{accuracy},{val}\n")


def write_lightning(lr: float) -> None:
    """Writes what Lightning's CSVLogger writes, with its file of hyperparameters."""
    for seed in range(SEEDS):
        folder = LOGS / "lightning_logs" / f"version_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hparams.yaml").write_text(f"lr: {lr}\nseed: {seed}\n")
        with (folder / "metrics.csv").open("w") as file:
            file.write("epoch,step,train_loss,val_acc,val_loss\n")
            for epoch, train, val, accuracy in epochs_of(lr, seed):
                file.write(f"{epoch - 1},{epoch * 100 - 1},{train},,\n")
                file.write(f"{epoch - 1},{epoch * 100 - 1},,{accuracy},{val}\n")


def write_trainer_states(lr: float) -> None:
    """Writes the state that the Trainer of Hugging Face saves with a checkpoint."""
    for seed in range(SEEDS):
        history: list[dict[str, float]] = []
        for epoch, train, val, accuracy in epochs_of(lr, seed):
            at = {"epoch": float(epoch), "step": epoch * 100}
            history.append({**at, "loss": train, "learning_rate": lr})
            history.append({**at, "eval_loss": val, "eval_accuracy": accuracy})
        state = {"global_step": EPOCHS * 100, "max_steps": EPOCHS * 100, "log_history": history}
        folder = LOGS / "trainer" / f"lr={lr},seed={seed}" / f"checkpoint-{EPOCHS * 100}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "trainer_state.json").write_text(json.dumps(state))


def main() -> None:
    """Writes all logs below `logs`."""
    LOGS.mkdir(exist_ok=True)
    for kind, lr in (("tensorboard", 0.3), ("wandb", 0.1), ("mlflow", 0.03), ("trackio", 0.01)):
        record_and_export(kind, lr)
    write_json_lines(0.2)
    write_keras_csv(0.05)
    write_lightning(0.02)
    write_trainer_states(0.15)


if __name__ == "__main__":
    main()
