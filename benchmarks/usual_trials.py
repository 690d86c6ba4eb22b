"""The job of `many_trials` as one would write it without nnlab; nothing is stored.

python benchmarks/usual_trials.py loop|joblib|optuna
"""

import copy
import json
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import joblib
import optuna
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

LRS = [10 ** (-4 + 3 * step / 15) for step in range(16)]
SEEDS = range(4)
TRIALS = [(lr, seed) for seed in SEEDS for lr in LRS]
EPOCHS, BATCH, WIDTH = 10, 32, 32

Split = tuple[torch.Tensor, torch.Tensor]
Worth = tuple[float, float]  # loss and accuracy


@lru_cache
def splits() -> tuple[Split, Split, Split]:
    """Training, validation and test: 70, 15 and 15 %, standardised by the first."""
    found = load_digits()
    order = torch.randperm(len(found.target), generator=torch.Generator().manual_seed(0))
    x = torch.tensor(found.data, dtype=torch.float32)[order]
    y = torch.tensor(found.target)[order]
    train, val = int(0.7 * len(y)), int(0.85 * len(y))
    x = (x - x[:train].mean(0)) / (x[:train].std(0) + 1e-6)
    return (x[:train], y[:train]), (x[train:val], y[train:val]), (x[val:], y[val:])


Report = Callable[[float, int], None]


def trial(lr: float, seed: int, report: Report = lambda *_: None) -> float:
    """Validation accuracy of the best epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    train, val, test = splits()
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    best, kept, epochs = -1.0, copy.deepcopy(model.state_dict()), []
    for epoch in range(EPOCHS):
        values = {"train": train_epoch(model, optimizer, *train), "val": measured(model, val)}
        epochs.append(values)
        report(values["val"][1], epoch)
        if values["val"][1] > best:
            best, kept = values["val"][1], copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    found = {"lr": lr, "seed": seed, "epochs": epochs, "test": measured(model, test)}
    torch.save(kept, f"model-{lr:.3g}-{seed}.pt")
    with Path("trials.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(found) + "\n")
    return best


def train_epoch(model: nn.Module, optimizer: torch.optim.Optimizer, *train: torch.Tensor) -> Worth:
    """Loss and accuracy met on the way."""
    model.train()
    x, y = train
    order = torch.randperm(len(y))
    loss_sum, right = torch.zeros(()), torch.zeros(())
    for start in range(0, len(y), BATCH):
        rows = order[start : start + BATCH]
        optimizer.zero_grad()
        outputs = model(x[rows])
        loss = functional.cross_entropy(outputs, y[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss_sum += loss.detach() * len(rows)
        right += (outputs.detach().argmax(1) == y[rows]).sum()
    return float(loss_sum) / len(y), float(right) / len(y)


@torch.no_grad()
def measured(model: nn.Module, split: Split) -> Worth:
    """Loss and accuracy on a split."""
    x, y = split
    outputs = model.eval()(x)
    right = (outputs.argmax(1) == y).float().mean()
    return float(functional.cross_entropy(outputs, y)), float(right)


def by_loop() -> list[float]:
    """One after another."""
    return [trial(*one) for one in TRIALS]


def by_joblib() -> list[float]:
    """Two processes."""
    return list(joblib.Parallel(n_jobs=2)(joblib.delayed(trial)(*one) for one in TRIALS))


def by_optuna() -> list[float]:
    """Two jobs over the same grid, every epoch reported to its storage."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    grid: dict[str, list[float | int]] = {"lr": [*LRS], "seed": [*SEEDS]}
    study = optuna.create_study(
        storage="sqlite:///optuna.db",
        sampler=optuna.samplers.GridSampler(grid, seed=0),
        direction="maximize",
    )

    def objective(asked: optuna.Trial) -> float:
        lr, seed = asked.suggest_float("lr", 1e-5, 1.0), asked.suggest_int("seed", 0, 3)
        return trial(lr, seed, asked.report)

    study.optimize(objective, n_jobs=2)
    return [float(one.value or 0.0) for one in study.trials]


def main(way: str) -> None:
    """Trains all trials one way."""
    ways = {"loop": by_loop, "joblib": by_joblib, "optuna": by_optuna}
    accuracies = ways[way]()
    print(f"{len(accuracies)} trials, best {max(accuracies):.4f}")


if __name__ == "__main__":
    import usual_trials  # by its name, so that other processes find it

    usual_trials.main(sys.argv[1])
