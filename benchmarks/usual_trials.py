"""The job of `many_trials` as one would write it without nnlab; nothing is stored.

python benchmarks/usual_trials.py loop|joblib|optuna
"""

import copy
import sys
from functools import lru_cache

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


def trial(lr: float, seed: int) -> tuple[float, float]:
    """Validation accuracy of the best epoch, and the test accuracy there."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    (x, y), val, test = splits()
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    best, kept = -1.0, copy.deepcopy(model.state_dict())
    for _ in range(EPOCHS):
        model.train()
        order = torch.randperm(len(y))
        for start in range(0, len(y), BATCH):
            rows = order[start : start + BATCH]
            optimizer.zero_grad()
            functional.cross_entropy(model(x[rows]), y[rows]).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        accuracy = accuracy_of(model, val)
        if accuracy > best:
            best, kept = accuracy, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    return best, accuracy_of(model, test)


@torch.no_grad()
def accuracy_of(model: nn.Module, split: Split) -> float:
    """The share of a split that a model gets right."""
    x, y = split
    return float((model.eval()(x).argmax(1) == y).float().mean())


def by_loop() -> list[float]:
    """One after another."""
    return [trial(*one)[0] for one in TRIALS]


def by_joblib() -> list[float]:
    """Two processes."""
    found = joblib.Parallel(n_jobs=2)(joblib.delayed(trial)(*one) for one in TRIALS)
    return [best for best, _ in found]


def by_optuna() -> list[float]:
    """Two jobs over the same grid, kept in memory."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    grid: dict[str, list[float | int]] = {"lr": [*LRS], "seed": [*SEEDS]}
    study = optuna.create_study(
        sampler=optuna.samplers.GridSampler(grid, seed=0), direction="maximize"
    )

    def objective(asked: optuna.Trial) -> float:
        lr, seed = asked.suggest_float("lr", 1e-5, 1.0), asked.suggest_int("seed", 0, 3)
        return trial(lr, seed)[0]

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
