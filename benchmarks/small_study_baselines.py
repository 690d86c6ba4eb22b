"""The study of `small_study` written without nnlab: a plain loop, joblib, and Optuna.

python benchmarks/small_study_baselines.py loop|joblib|optuna
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
LossAndAccuracy = tuple[float, float]  # loss and accuracy


@lru_cache
def splits() -> tuple[Split, Split, Split]:
    """The training, validation and test splits (70, 15 and 15 %), standardised by the first."""
    digits = load_digits()
    order = torch.randperm(len(digits.target), generator=torch.Generator().manual_seed(0))
    x = torch.tensor(digits.data, dtype=torch.float32)[order]
    y = torch.tensor(digits.target)[order]
    train, val = int(0.7 * len(y)), int(0.85 * len(y))
    x = (x - x[:train].mean(0)) / (x[:train].std(0) + 1e-6)
    return (x[:train], y[:train]), (x[train:val], y[train:val]), (x[val:], y[val:])


Report = Callable[[float, int], None]


def trial(lr: float, seed: int, report: Report = lambda *_: None) -> float:
    """Trains one model; returns the validation accuracy of the best epoch."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    train, val, test = splits()
    model = nn.Sequential(nn.Linear(64, WIDTH), nn.ReLU(), nn.Linear(WIDTH, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=lr, fused=True)
    best, best_weights, epochs = -1.0, copy.deepcopy(model.state_dict()), []
    for epoch in range(EPOCHS):
        values = {"train": train_epoch(model, optimizer, *train), "val": evaluate(model, val)}
        epochs.append(values)
        report(values["val"][1], epoch)
        if values["val"][1] > best:
            best, best_weights = values["val"][1], copy.deepcopy(model.state_dict())
    model.load_state_dict(best_weights)
    record = {"lr": lr, "seed": seed, "epochs": epochs, "test": evaluate(model, test)}
    torch.save(best_weights, f"model-{lr:.3g}-{seed}.pt")
    with Path("trials.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
    return best


def train_epoch(
    model: nn.Module, optimizer: torch.optim.Optimizer, *train: torch.Tensor
) -> LossAndAccuracy:
    """Mean loss and accuracy of the batches of an epoch."""
    model.train()
    x, y = train
    order = torch.randperm(len(y))
    loss_sum, correct = torch.zeros(()), torch.zeros(())
    for start in range(0, len(y), BATCH):
        rows = order[start : start + BATCH]
        optimizer.zero_grad()
        outputs = model(x[rows])
        loss = functional.cross_entropy(outputs, y[rows])
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        loss_sum += loss.detach() * len(rows)
        correct += (outputs.detach().argmax(1) == y[rows]).sum()
    return float(loss_sum) / len(y), float(correct) / len(y)


@torch.no_grad()
def evaluate(model: nn.Module, split: Split) -> LossAndAccuracy:
    """Loss and accuracy on a split."""
    x, y = split
    outputs = model.eval()(x)
    accuracy = (outputs.argmax(1) == y).float().mean()
    return float(functional.cross_entropy(outputs, y)), float(accuracy)


def by_loop() -> list[float]:
    """Trains the trials one after another."""
    return [trial(lr, seed) for lr, seed in TRIALS]


def by_joblib() -> list[float]:
    """Trains the trials in two processes with joblib."""
    return list(joblib.Parallel(n_jobs=2)(joblib.delayed(trial)(lr, seed) for lr, seed in TRIALS))


def by_optuna() -> list[float]:
    """Trains the trials with two jobs of Optuna, which reports each epoch to its storage."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    grid: dict[str, list[float | int]] = {"lr": [*LRS], "seed": [*SEEDS]}
    study = optuna.create_study(
        storage="sqlite:///optuna.db",
        sampler=optuna.samplers.GridSampler(grid, seed=0),
        direction="maximize",
    )

    def objective(optuna_trial: optuna.Trial) -> float:
        lr = optuna_trial.suggest_float("lr", 1e-5, 1.0)
        seed = optuna_trial.suggest_int("seed", 0, 3)
        return trial(lr, seed, optuna_trial.report)

    study.optimize(objective, n_jobs=2)
    return [float(finished.value or 0.0) for finished in study.trials]


def main(baseline: str) -> None:
    """Trains all trials with a baseline."""
    baselines = {"loop": by_loop, "joblib": by_joblib, "optuna": by_optuna}
    accuracies = baselines[baseline]()
    print(f"{len(accuracies)} trials, best {max(accuracies):.4f}")


if __name__ == "__main__":
    import small_study_baselines  # by name, so that other processes can import it

    small_study_baselines.main(sys.argv[1])
