"""Simulated kinds of the fitted half: healthy but ugly curves, overfitting, and other programs."""

import numpy as np
from diagnosis.curve_shapes import (
    accelerating,
    decay,
    epochs_between,
    learned_accuracy,
    linear,
    log_uniform,
    logarithmic,
    multiplied_noise,
    noise,
    progress,
    u_shape,
)
from diagnosis.simulated_curves import Simulate, SimulatedKind, Simulation

Rng = np.random.Generator


def spikes(rng: Rng) -> Simulation:
    """Single epochs with a much higher loss, which recovers at once."""
    n, end = epochs_between(rng, 30, 400), rng.uniform(0.1, 0.8)
    risk = decay(n, 2.3, end, rng.uniform(4, 9))
    hit = rng.random(n - 2) < rng.uniform(0.02, 0.06)
    factor = np.ones(n)
    factor[1:-1][hit] = rng.uniform(1.5, 5.0, hit.sum())
    train = multiplied_noise(rng, 0.8 * risk, 0.02) * factor
    return Simulation({"train/loss": train, "val/loss": multiplied_noise(rng, risk, 0.02) * factor})


def steps_of_lr(rng: Rng) -> Simulation:
    """Two drops of the loss, where the learning rate was divided by ten."""
    n, scale = epochs_between(rng, 30, 300), rng.uniform(0.5, 2.0)
    stage = np.minimum((3 * progress(n)).astype(int), 2)
    within = 3 * progress(n) - stage
    levels = np.array([1.0, 0.45, 0.3])[stage] + 0.5 * np.exp(-8 * within) * 0.6**stage
    sd = np.array([0.06, 0.02, 0.01])[stage] * rng.uniform(0.3, 1.5)
    val = scale * (levels + rng.normal(0, 1, n) * sd)
    return Simulation({"train/loss": 0.8 * scale * levels, "val/loss": val})


def warm_restarts(rng: Rng) -> Simulation:
    """Cosine restarts: both losses jump up and fall lower, and the run ends anywhere in a cycle."""
    n, cycles, end = epochs_between(rng, 40, 300), rng.uniform(3, 8), rng.uniform(0.2, 1.0)
    phase = cycles * progress(n) % 1
    level = end * (1 + 0.3 * (1 + np.cos(np.pi * phase)) / 2) + 2 * np.exp(-5 * progress(n))
    val = multiplied_noise(rng, level, 0.015)
    lr = 0.01 * (1 + np.cos(np.pi * phase)) / 2
    return Simulation({"train/loss": 0.7 * level, "val/loss": val, "lr": lr})


def double_descent(rng: Rng) -> Simulation:
    """Validation loss rises in the middle and ends at a new minimum."""
    n, end = epochs_between(rng, 60, 600), rng.uniform(0.2, 0.8)
    hump = rng.uniform(0.1, 0.6) * np.exp(-(((progress(n) - 0.35) / 0.1) ** 2))
    risk = decay(n, 2.3, end, 4) + hump
    train = decay(n, 2.3, 0.02, 6)
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.02 * end)}, risk)


def small_validation_set(rng: Rng) -> Simulation:
    """A healthy plateau that few validation examples measure with correlated noise."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.2, 1.0)
    risk = decay(n, 2.3, end, rng.uniform(5, 12))
    sd = rng.uniform(0.03, 0.09) * end
    val = risk + noise(rng, n, sd, rng.uniform(0.0, 0.6))
    train = decay(n, 2.3, end * rng.uniform(0.7, 0.95), 6)
    return Simulation({"train/loss": multiplied_noise(rng, train, 0.02), "val/loss": val}, risk)


def near_zero(rng: Rng) -> Simulation:
    """A tiny validation loss that drifts by a small part of what it fell."""
    n, end = epochs_between(rng, 15, 150), rng.uniform(0.02, 0.06)
    risk = decay(n, log_uniform(rng, 0.7, 2.3), end, 10) + end * rng.uniform(0, 0.12) * progress(n)
    train = decay(n, 2.3, end * rng.uniform(1.0, 1.5), 8)
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.05 * end)})


def negative_losses(rng: Rng) -> Simulation:
    """The negative log-likelihood of a density, which falls below zero."""
    n, end = epochs_between(rng, 20, 300), rng.uniform(-4.0, -0.5)
    risk = decay(n, rng.uniform(1, 4), end, rng.uniform(4, 9))
    train = decay(n, 3.0, end - rng.uniform(0, 0.3), 6)
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.04)}, risk)


def sparse_validation(rng: Rng) -> Simulation:
    """Validation every 5 or 10 epochs."""
    n, every, end = epochs_between(rng, 60, 600), int(rng.choice([5, 10])), rng.uniform(0.2, 1.0)
    risk = decay(n, 2.3, end, rng.uniform(3, 8))
    val = risk + noise(rng, n, 0.03 * end)
    at = range(every, n + 1, every)
    return Simulation(
        {"train/loss": 0.85 * risk, "val/loss": val[every - 1 :: every]}, risk, {"val/loss": at}
    )


def missing_epochs(rng: Rng) -> Simulation:
    """A third of the epochs are missing from each curve, independently."""
    n, end = epochs_between(rng, 40, 300), rng.uniform(0.2, 1.0)
    risk = decay(n, 2.3, end, rng.uniform(3, 8))
    kept = {name: np.sort(rng.permutation(n)[: 2 * n // 3]) for name in ("train/loss", "val/loss")}
    val = (risk + noise(rng, n, 0.03 * end))[kept["val/loss"]]
    curves = {"train/loss": (0.85 * risk)[kept["train/loss"]], "val/loss": val}
    return Simulation(curves, risk, {name: [int(i) + 1 for i in at] for name, at in kept.items()})


def plateau_then_drop(rng: Rng) -> Simulation:
    """Both losses stand still for a third to two thirds of the run, then fall."""
    n, end, at = epochs_between(rng, 40, 400), rng.uniform(0.05, 0.5), rng.uniform(0.3, 0.65)
    risk = end + (0.69 - end) / (1 + np.exp(rng.uniform(25, 60) * (progress(n) - at)))
    train = multiplied_noise(rng, 0.95 * risk, 0.02)
    return Simulation({"train/loss": train, "val/loss": multiplied_noise(rng, risk, 0.02)}, risk)


def averaged_weights(rng: Rng) -> Simulation:
    """Validation with an exponential average of the weights: it lags, and then is better."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.2, 1.0)
    train = decay(n, 2.3, end, 8)
    risk = decay(n, 2.5, 0.9 * end, rng.uniform(4, 6))
    return Simulation(
        {"train/loss": multiplied_noise(rng, train, 0.04), "val/loss": risk + noise(rng, n, 0.003)},
        risk,
    )


def dropout(rng: Rng) -> Simulation:
    """Validation loss below the training loss, which is measured with dropout."""
    n, end = epochs_between(rng, 20, 200), rng.uniform(0.1, 0.8)
    risk = decay(n, 2.0, end, rng.uniform(4, 9))
    train = decay(n, 2.3, end * rng.uniform(1.15, 1.6), 6)
    val = risk + noise(rng, n, 0.02 * end)
    return Simulation({"train/loss": multiplied_noise(rng, train, 0.02), "val/loss": val}, risk)


def resumed(rng: Rng) -> Simulation:
    """Two interruptions after which both losses begin higher and fall again."""
    n, end = epochs_between(rng, 40, 300), rng.uniform(0.2, 0.8)
    bump = np.zeros(n)
    for at in rng.uniform(0.25, 0.75, 2):
        since = np.arange(n) - round(at * n)
        bump += np.where(since >= 0, rng.uniform(0.1, 0.5) * np.exp(-since / (0.03 * n)), 0)
    risk = decay(n, 2.3, end, rng.uniform(4, 8)) + bump
    return Simulation(
        {"train/loss": 0.85 * risk, "val/loss": multiplied_noise(rng, risk, 0.015)}, risk
    )


def curriculum(rng: Rng) -> Simulation:
    """Harder examples in stages: training loss jumps up, validation loss keeps falling."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.2, 0.8)
    stage = np.minimum((4 * progress(n)).astype(int), 3)
    within = 4 * progress(n) - stage
    train = (0.4 + 0.15 * stage) * (0.5 + 0.8 * np.exp(-4 * within))
    risk = decay(n, 2.3, end, rng.uniform(3, 6))
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.02 * end)}, risk)


def language_model(rng: Rng) -> Simulation:
    """A language model without accuracies: both losses end at the entropy of the text."""
    n, end = epochs_between(rng, 10, 100), rng.uniform(2.5, 4.5)
    risk = decay(n, rng.uniform(7, 10), end, rng.uniform(4, 10))
    val = risk + noise(rng, n, 0.01)
    return Simulation({"train/loss": decay(n, 8, end - rng.uniform(0, 0.2), 5), "val/loss": val})


def grokked(rng: Rng) -> Simulation:
    """Validation follows training after a long time, and ends at an accuracy of .99."""
    n, at = epochs_between(rng, 300, 5000), rng.uniform(0.4, 0.7)
    late = 1 / (1 + np.exp(-rng.uniform(25, 60) * (progress(n) - at)))
    val_accuracy = np.clip(0.02 + 0.97 * late + noise(rng, n, 0.003), 0, 1)
    train_accuracy = np.clip(learned_accuracy(n, 0.02, 1.0, 40), 0, 1)
    peak = rng.uniform(5, 15) * (1 - np.exp(-12 * progress(n)))
    risk = 4.5 + (peak - 4.5) * np.minimum(1, 20 * progress(n))
    risk = risk * (1 - late) + 0.03 * late
    return Simulation(
        {
            "train/loss": decay(n, 4.5, 0.001, 40),
            "val/loss": multiplied_noise(rng, risk, 0.02),
            "train/accuracy": train_accuracy,
            "val/accuracy": val_accuracy,
        }
    )


def adversarial(rng: Rng) -> Simulation:
    """The losses of a discriminator and a generator, which fall and rise against each other."""
    n, sd = epochs_between(rng, 30, 500), rng.uniform(0.03, 0.15)
    game = noise(rng, n, sd, 0.9)
    d_loss = decay(n, 1.39, rng.uniform(0.4, 1.1), 4) + game + noise(rng, n, sd / 3)
    g_loss = decay(n, 0.7, rng.uniform(1.0, 3.0), 4) - game + noise(rng, n, sd / 3)
    names = [("loss_D", "loss_G"), ("d_loss", "g_loss"), ("discriminator_loss", "generator_loss")]
    name_d, name_g = names[int(rng.integers(3))]
    return Simulation({name_d: np.abs(d_loss), name_g: np.abs(g_loss)})


def slow_rise(rng: Rng) -> Simulation:
    """A rise of 5.5 to 20 % that takes most of 1,000 to 20,000 epochs."""
    n, best = epochs_between(rng, 1000, 20000), log_uniform(rng, 0.1, 2.0)
    last = best * rng.uniform(1.055, 1.2)
    risk = u_shape(n, best * rng.uniform(1.5, 3.0), best, last, rng.uniform(0.05, 0.4), linear)
    val = risk + noise(rng, n, (last - best) * rng.uniform(0.05, 0.3))
    return Simulation({"train/loss": decay(n, 2 * best, 0.3 * best, 4), "val/loss": val}, risk)


def noisy_end(rng: Rng) -> Simulation:
    """A large rise while a training loss near zero is noisy."""
    n, best = epochs_between(rng, 60, 1000), log_uniform(rng, 0.1, 2.0)
    last = best * rng.uniform(1.15, 2.0)
    risk = u_shape(n, 4 * best, best, last, rng.uniform(0.1, 0.5), accelerating)
    train = multiplied_noise(rng, decay(n, 4 * best, 0.05 * best, 8), rng.uniform(0.2, 0.6))
    val = risk + noise(rng, n, (last - best) * rng.uniform(0.05, 0.25))
    return Simulation({"train/loss": train, "val/loss": val}, risk)


def worse_from_the_start(rng: Rng) -> Simulation:
    """Fine-tuning for 3 to 10 epochs whose first or second epoch is the best."""
    n, best = int(rng.integers(3, 11)), rng.uniform(0.2, 0.6)
    last = best * rng.uniform(1.15, 2.5)
    rise = best + (last - best) * progress(n) ** rng.uniform(0.7, 1.5)
    train = decay(n, best, 0.05 * best, 3)
    return Simulation(
        {"train/loss": train, "val/loss": rise + noise(rng, n, 0.05 * (last - best))}, rise
    )


def memorised_labels(rng: Rng) -> Simulation:
    """Few examples with wrong labels: training accuracy 1, validation accuracy past its best."""
    n, best = epochs_between(rng, 40, 300), rng.uniform(0.6, 0.85)
    turn, loss = rng.uniform(0.05, 0.3), rng.uniform(0.6, 1.2)
    peak = u_shape(n, -0.1, -best, -best + rng.uniform(0.04, 0.12), turn, logarithmic)
    risk = u_shape(n, 2.3, loss, loss * rng.uniform(1.5, 4.0), turn, logarithmic)
    return Simulation(
        {
            "train/loss": decay(n, 2.3, 0.002, 12),
            "val/loss": multiplied_noise(rng, risk, 0.01),
            "train/accuracy": np.clip(learned_accuracy(n, 0.1, 1.0, 12), 0, 1),
            "val/accuracy": np.round((-peak + noise(rng, n, 0.006)) * 400) / 400,
        },
        risk,
    )


def guessing_while_loss_rises(rng: Rng) -> Simulation:
    """Validation accuracy stays at chance, while validation loss grows several-fold."""
    n, classes = epochs_between(rng, 30, 300), int(rng.choice([2, 5, 10]))
    start = float(np.log(classes))
    risk = u_shape(n, 1.02 * start, start, start * rng.uniform(2, 6), 0.08, linear)
    chance = 1 / classes + noise(rng, n, 0.02)
    return Simulation(
        {
            "train/loss": decay(n, start, 0.01, 6),
            "val/loss": multiplied_noise(rng, risk, 0.01),
            "train/accuracy": np.clip(learned_accuracy(n, 1 / classes, 1.0, 6), 0, 1),
            "val/accuracy": np.clip(chance, 0, 1),
        },
        risk,
    )


def overfitted_language_model(rng: Rng) -> Simulation:
    """A language model without accuracies whose validation loss rises after some epochs."""
    n, best = epochs_between(rng, 10, 120), rng.uniform(3.0, 4.8)
    risk = u_shape(n, 8.0, best, best * rng.uniform(1.06, 1.4), rng.uniform(0.2, 0.5), linear)
    train = decay(n, 8.0, rng.uniform(1.0, 2.2), 3)
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.01)}, risk)


def keras_names(rng: Rng) -> Simulation:
    """Overfitting under the names of Keras, with accuracies in percent."""
    run = memorised_labels(rng)
    return Simulation(
        {
            "loss": run.curves["train/loss"],
            "val_loss": run.curves["val/loss"],
            "accuracy": 100 * run.curves["train/accuracy"],
            "val_accuracy": 100 * run.curves["val/accuracy"],
        },
        run.risk,
    )


def healthy_percent(rng: Rng) -> Simulation:
    """A healthy run of a script, with accuracies in percent."""
    n, end = epochs_between(rng, 10, 200), rng.uniform(0.1, 0.6)
    risk = decay(n, 2.3, end, rng.uniform(4, 8))
    last = 100 - 30 * end
    return Simulation(
        {
            "train_loss": 0.9 * risk,
            "valid_loss": risk + noise(rng, n, 0.02 * end),
            "train_acc": learned_accuracy(n, 10, last + 1, 6),
            "valid_acc": learned_accuracy(n, 10, last, 6) + noise(rng, n, 0.4),
        },
        risk,
    )


def _ugly(simulate: Simulate) -> SimulatedKind:
    return SimulatedKind(simulate, "fitted", "ugly", "")


def _overfits(simulate: Simulate, *accepted: str) -> SimulatedKind:
    return SimulatedKind(simulate, "fitted", "simulated", "NN101", accepted)


FITTED_CURVES = {
    "spikes": _ugly(spikes),
    "steps of lr": _ugly(steps_of_lr),
    "warm restarts": _ugly(warm_restarts),
    "double descent": _ugly(double_descent),
    "small validation set": _ugly(small_validation_set),
    "near zero": _ugly(near_zero),
    "negative losses": _ugly(negative_losses),
    "sparse validation": _ugly(sparse_validation),
    "missing epochs": _ugly(missing_epochs),
    "plateau then drop": _ugly(plateau_then_drop),
    "averaged weights": _ugly(averaged_weights),
    "dropout": _ugly(dropout),
    "resumed": _ugly(resumed),
    "curriculum": _ugly(curriculum),
    "language model": _ugly(language_model),
    "grokked": _ugly(grokked),
    "adversarial": SimulatedKind(adversarial, "fitted", "ugly", "", is_external=True),
    "slow rise": _overfits(slow_rise),
    "noisy end": _overfits(noisy_end),
    "worse from the start": _overfits(worse_from_the_start, "NN103"),
    "memorised labels": _overfits(memorised_labels, "NN107"),
    "guessing while loss rises": _overfits(guessing_while_loss_rises, "NN107"),
    "overfitted language model": _overfits(overfitted_language_model),
    "names of Keras": SimulatedKind(
        keras_names, "fitted", "scripts", "NN101", ("NN107",), is_external=True
    ),
    "healthy, percent": SimulatedKind(healthy_percent, "fitted", "scripts", "", is_external=True),
}
