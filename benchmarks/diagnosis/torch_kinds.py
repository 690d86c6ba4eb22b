"""The kinds of plain-torch trainings of each half of the corpus: which groups of runs are trained.

A kind is a task; fine-tuning is a kind of its own. The recipes of the halves differ too: the
optimizers, the schedules and the strength of label smoothing.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from diagnosis.generated_tasks import FITTED_TASKS, TASKS, UNSEEN_TASKS
from diagnosis.torch_training import RunGroup

RUNS_PER_GROUP = 9
GROUPS_OF_FINE_TUNING = 4
# The number of batches of a group is limited, or the largest would take most of the time.
MAX_STEPS = 1_200


@dataclass(frozen=True, slots=True)
class Recipes:
    """What the runs of a half vary beside their task.

    Of the groups of each task, the `small_groups` have few examples and many epochs: most overfit.
    """

    tasks: Sequence[str]
    groups: int
    small_groups: int
    fine_tuning: Sequence[str]
    optimizers: Mapping[str, tuple[float, float]]
    decays: Sequence[str]
    smoothing: Sequence[float]
    activations: Sequence[str]


RECIPES: Mapping[str, Recipes] = {
    "fitted": Recipes(
        FITTED_TASKS,
        8,
        5,
        ("clouds", "Friedman"),
        {"adam": (5e-4, 1e-2), "adamw": (5e-4, 1e-2), "momentum": (5e-3, 0.1)},
        ("none", "none", "cosine"),
        (0.1,),
        ("relu",),
    ),
    "unseen": Recipes(
        UNSEEN_TASKS,
        4,
        3,
        ("stretched clouds", "linear regression"),
        {"adam": (5e-4, 1e-2), "rmsprop": (2e-4, 5e-3), "nesterov": (5e-3, 0.1)},
        ("none", "none", "step"),
        (0.05, 0.2),
        ("relu", "tanh"),
    ),
}


def run_groups(half: str) -> Iterator[tuple[str, RunGroup]]:
    """The kind and the settings of every group of a half."""
    recipes = RECIPES[half]
    for number in range(recipes.groups + recipes.small_groups):
        for task in recipes.tasks:
            yield f"torch: {task}", _group(recipes, task, number)
        if number < GROUPS_OF_FINE_TUNING:
            for task in recipes.fine_tuning:
                yield f"torch: fine-tuning, {task}", _fine_tuning(recipes, task, number)


def _group(recipes: Recipes, task: str, number: int) -> RunGroup:
    rng = random.Random(f"torch/{task}/{number}")
    if number < recipes.groups:
        train_size = round(60 * 50 ** rng.random())
        epochs = round(12 * 50 ** rng.random())
    else:
        train_size = round(60 * 7 ** rng.random())
        epochs = round(40 * 15 ** rng.random())
    # A step of a recurrent network takes as long as one of many hidden layers.
    max_steps, max_epochs = (500, 150) if TASKS[task].is_sequence else (MAX_STEPS, epochs)
    epochs = min(epochs, max_epochs)
    batch_size = rng.choice((16, 32, 64))
    while -(-train_size // batch_size) * epochs > max_steps:
        batch_size *= 2
    optimizer = rng.choice(sorted(recipes.optimizers))
    low, high = recipes.optimizers[optimizer]
    is_linear = task in ("sparse logistic", "linear regression") and rng.random() < 0.4
    widths: tuple[int, ...] = rng.choice(((32,), (64,), (128,), (32, 32), (64, 64)))
    if TASKS[task].is_sequence:
        widths = (rng.choice((16, 32)),)
    return RunGroup(
        task=task,
        seed=rng.randrange(2**31),
        train_size=train_size,
        epochs=epochs,
        batch_size=batch_size,
        widths=() if is_linear else widths,
        activation=rng.choice(recipes.activations),
        optimizer=optimizer,
        lr=low * (high / low) ** rng.random(),
        decay=rng.choice(recipes.decays),
        weight_decay=rng.choice((0.0, 0.0, 0.01)),
        batch_norm=rng.random() < 0.2 and not is_linear and not TASKS[task].is_sequence,
        **_per_run(rng, recipes, RUNS_PER_GROUP),
    )


def _per_run(rng: random.Random, recipes: Recipes, runs: int) -> dict[str, Any]:
    """The values that differ between the runs of a group."""
    smoothing = (0.0, 0.0, 0.0, 0.0, *recipes.smoothing)
    return {
        "label_noise": [rng.choice((0.0, 0.0, 0.1, 0.2, 0.4)) for _ in range(runs)],
        "noisy_validation": [rng.random() < 0.5 for _ in range(runs)],
        "dropout": [rng.choice((0.0, 0.0, 0.0, 0.2, 0.5)) for _ in range(runs)],
        "label_smoothing": [rng.choice(smoothing) for _ in range(runs)],
        "smoothed_validation": [rng.random() < 0.5 for _ in range(runs)],
        "val_sizes": [round(40 * 15 ** rng.random()) for _ in range(runs)],
        "train_in_eval_mode": [rng.random() < 0.3 for _ in range(runs)],
    }


def _fine_tuning(recipes: Recipes, task: str, number: int) -> RunGroup:
    rng = random.Random(f"fine-tuning/{task}/{number}")
    optimizer = rng.choice(sorted(recipes.optimizers))
    low, high = recipes.optimizers[optimizer]
    return RunGroup(
        task=task,
        seed=rng.randrange(2**31),
        train_size=round(60 * 20 ** rng.random()),
        epochs=(1, 2, 3, 5)[number % 4],
        batch_size=rng.choice((8, 16, 32)),
        widths=rng.choice(((64,), (64, 64), (128,))),
        activation=rng.choice(recipes.activations),
        optimizer=optimizer,
        lr=low * (high / low) ** rng.random(),
        decay=rng.choice(("none", *recipes.decays)),
        weight_decay=0.0,
        batch_norm=False,
        pretraining_epochs=8,
        **_per_run(rng, recipes, RUNS_PER_GROUP),
    )
