"""Simulated kinds of the unseen half, none of which is a kind of the fitted half."""

import numpy as np
from diagnosis.curve_shapes import (
    decay,
    epochs_between,
    learned_accuracy,
    log_uniform,
    logarithmic,
    multiplied_noise,
    noise,
    power_law,
    progress,
    saturating,
    u_shape,
)
from diagnosis.simulated_curves import Simulate, SimulatedKind, Simulation

Rng = np.random.Generator


def validation_spikes(rng: Rng) -> Simulation:
    """Single validation losses that are several times higher; training is smooth."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.1, 0.8)
    risk = decay(n, 2.3, end, rng.uniform(4, 9))
    hit = rng.random(n - 2) < rng.uniform(0.02, 0.08)
    val = multiplied_noise(rng, risk, 0.02)
    val[1:-1][hit] *= rng.uniform(1.5, 10.0, hit.sum())
    return Simulation({"train/loss": 0.8 * risk, "val/loss": val})


def warmup_hump(rng: Rng) -> Simulation:
    """Both losses rise during the warmup of the learning rate, then fall."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.2, 1.0)
    hump = rng.uniform(0.2, 1.0) * np.exp(-(((progress(n) - 0.06) / 0.04) ** 2))
    risk = decay(n, 2.3, end, rng.uniform(4, 8)) + hump
    return Simulation({"train/loss": 0.9 * risk, "val/loss": multiplied_noise(rng, risk, 0.02)})


def triangular_cycles(rng: Rng) -> Simulation:
    """A learning rate that rises and falls linearly; both losses follow it."""
    n, cycles, end = epochs_between(rng, 40, 400), int(rng.integers(3, 7)), rng.uniform(0.2, 1.0)
    phase = 1 - np.abs(2 * (cycles * progress(n) % 1) - 1)
    level = (end + 1.5 * np.exp(-6 * progress(n))) * (1 + rng.uniform(0.1, 0.3) * phase)
    val = multiplied_noise(rng, level, 0.02)
    return Simulation({"train/loss": 0.8 * level, "val/loss": val, "lr": 1e-3 + 1e-2 * phase})


def long_power_law(rng: Rng) -> Simulation:
    """10,000 to 100,000 epochs of a slow decay."""
    n, end = epochs_between(rng, 10_000, 100_000), rng.uniform(0.05, 0.8)
    risk = power_law(n, 2.3, end, rng.uniform(0.2, 0.6))
    train = 0.9 * power_law(n, 2.3, 0.9 * end, 0.4)
    return Simulation({"train/loss": train, "val/loss": multiplied_noise(rng, risk, 0.02)}, risk)


def random_subset(rng: Rng) -> Simulation:
    """Validation on another random subset in every epoch."""
    n, end = epochs_between(rng, 20, 200), rng.uniform(0.2, 1.0)
    risk = decay(n, 2.3, end, rng.uniform(4, 10))
    train = decay(n, 2.3, end * rng.uniform(0.6, 0.95), 5)
    val = multiplied_noise(rng, risk, rng.uniform(0.05, 0.12))
    return Simulation({"train/loss": train, "val/loss": val}, risk)


def rounded(rng: Rng) -> Simulation:
    """Losses as a script prints them, with two decimals."""
    n, end = epochs_between(rng, 10, 200), rng.uniform(0.1, 0.8)
    risk = decay(n, 2.3, end, rng.uniform(3, 9))
    val = risk + noise(rng, n, 0.02 * end)
    return Simulation({"train/loss": np.round(0.8 * risk, 2), "val/loss": np.round(val, 2)}, risk)


def sums_of_losses(rng: Rng) -> Simulation:
    """Sums over the examples, of which the splits have different numbers."""
    n, end = epochs_between(rng, 10, 200), rng.uniform(0.1, 0.8)
    risk = decay(n, 2.3, end, rng.uniform(3, 9))
    train = multiplied_noise(rng, decay(n, 2.3, 0.85 * end, 6), 0.02) * rng.uniform(1e4, 1e6)
    val = multiplied_noise(rng, risk, 0.02) * rng.uniform(1e2, 1e4)
    return Simulation({"train/loss": train, "val/loss": val})


def from_epoch_zero(rng: Rng) -> Simulation:
    """Validation from before training on, every three epochs."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.2, 1.0)
    risk = decay(n + 1, 2.3, end, rng.uniform(3, 8))
    val = (risk + noise(rng, n + 1, 0.03 * end))[::3]
    return Simulation(
        {"train_loss": 0.85 * risk[1:], "val_loss": val}, None, {"val_loss": range(0, n + 1, 3)}
    )


def unfreezing(rng: Rng) -> Simulation:
    """Layers are unfrozen in the middle: both losses jump up, and fall lower than before."""
    n, at = epochs_between(rng, 20, 200), rng.uniform(0.3, 0.6)
    first = rng.uniform(0.6, 1.0)
    late = progress(n) >= at
    since = np.maximum(progress(n) - at, 0)
    later = 0.4 * first + rng.uniform(0.8, 1.2) * first * np.exp(-12 * since)
    risk = np.where(late, later, decay(n, 2.3, first, 15))
    return Simulation({"train/loss": 0.8 * risk, "val/loss": multiplied_noise(rng, risk, 0.015)})


def growing_augmentation(rng: Rng) -> Simulation:
    """Augmentation becomes stronger: training loss rises slowly, validation loss falls."""
    n, end = epochs_between(rng, 30, 300), rng.uniform(0.2, 0.8)
    train = decay(n, 2.3, 1.1 * end, 12) + rng.uniform(0.1, 0.5) * progress(n)
    risk = decay(n, 2.3, end, rng.uniform(3, 6))
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.02 * end)}, risk)


def small_drift(rng: Rng) -> Simulation:
    """A long plateau on which validation loss drifts by less than 2 %, measured precisely."""
    n, best = epochs_between(rng, 60, 1000), rng.uniform(0.1, 1.0)
    risk = u_shape(n, 2.5, best, best * rng.uniform(1.0, 1.018), rng.uniform(0.2, 0.6), saturating)
    train = decay(n, 2.3, 0.7 * best, 6)
    return Simulation({"train/loss": train, "val/loss": multiplied_noise(rng, risk, 0.005)}, risk)


def sawtooth(rng: Rng) -> Simulation:
    """Training loss falls within passes of several evaluations and jumps at the next pass."""
    n, end, period = epochs_between(rng, 40, 300), rng.uniform(0.3, 1.0), int(rng.integers(4, 12))
    risk = decay(n, 2.3, end, rng.uniform(3, 8))
    train = 0.85 * risk * (1.12 - 0.24 * (np.arange(n) % period) / period)
    return Simulation({"train/loss": train, "val/loss": multiplied_noise(rng, risk, 0.02)}, risk)


def smoothed_label_floor(rng: Rng) -> Simulation:
    """Label smoothing without its setting: both losses end at its floor; accuracy is high."""
    n, classes, share = epochs_between(rng, 15, 200), int(rng.choice([3, 10, 100])), 0.1
    off = share / classes
    on = 1 - share + off
    floor = -on * np.log(on) - (classes - 1) * off * np.log(off)
    end = floor + rng.uniform(0.02, 0.1)
    risk = decay(n, float(np.log(classes)), end + 0.05, 6)
    last = rng.uniform(0.93, 0.98)
    return Simulation(
        {
            "train/loss": decay(n, float(np.log(classes)), end, 7),
            "val/loss": multiplied_noise(rng, risk, 0.01),
            "train/accuracy": learned_accuracy(n, 1 / classes, min(last + 0.02, 1), 8),
            "val/accuracy": learned_accuracy(n, 1 / classes, last, 8) + noise(rng, n, 0.003),
        }
    )


def slow_start(rng: Rng) -> Simulation:
    """A sigmoid: nothing for a while, then a fall, then the end of it."""
    n, end = epochs_between(rng, 20, 200), rng.uniform(0.1, 1.0)
    risk = end + (2.4 - end) / (1 + np.exp(14 * (progress(n) - rng.uniform(0.2, 0.5))))
    return Simulation({"train/loss": 0.9 * risk, "val/loss": multiplied_noise(rng, risk, 0.02)})


def weight_averaging_at_the_end(rng: Rng) -> Simulation:
    """Noisy curves until the weights are averaged, when validation becomes smooth and lower."""
    n, end = epochs_between(rng, 40, 300), rng.uniform(0.2, 0.8)
    late = progress(n) > 0.75
    level = decay(n, 2.3, end, 7) * np.where(late, 0.9, 1.0)
    val = multiplied_noise(rng, level, 0.05)
    return Simulation({"train/loss": decay(n, 2.3, end, 7), "val/loss": np.where(late, level, val)})


def character_model(rng: Rng) -> Simulation:
    """A model of characters without accuracies."""
    n, end = epochs_between(rng, 8, 80), rng.uniform(1.1, 1.9)
    risk = power_law(n, rng.uniform(3, 4.6), end, rng.uniform(0.6, 1.2))
    train = multiplied_noise(rng, risk - rng.uniform(0.0, 0.1), 0.01)
    return Simulation({"train/loss": train, "val/loss": risk + noise(rng, n, 0.01)})


def grokked_slowly(rng: Rng) -> Simulation:
    """Validation accuracy climbs over half of the run, long after training accuracy."""
    n, classes = epochs_between(rng, 500, 20000), int(rng.choice([2, 10, 97]))
    climb = np.clip((progress(n) - rng.uniform(0.15, 0.3)) / rng.uniform(0.4, 0.6), 0, 1)
    start = float(np.log(classes))
    loss = start * (1 + rng.uniform(0.5, 3) * np.minimum(1, 10 * progress(n))) * (1 - climb) + 0.02
    return Simulation(
        {
            "train/loss": decay(n, start, 0.002, 25),
            "val/loss": multiplied_noise(rng, loss, 0.03),
            "train/accuracy": learned_accuracy(n, 1 / classes, 1.0, 25),
            "val/accuracy": 1 / classes + (0.99 - 1 / classes) * climb,
        }
    )


def adversarial_with_splits(rng: Rng) -> Simulation:
    """Losses of a discriminator and a generator on both splits."""
    n, sd = epochs_between(rng, 30, 300), rng.uniform(0.02, 0.1)
    game = noise(rng, n, sd, 0.9)
    d_loss = np.abs(decay(n, 1.39, rng.uniform(0.5, 1.1), 4) + game)
    g_loss = np.abs(decay(n, 0.7, rng.uniform(1.0, 3.0), 4) - game)
    return Simulation(
        {
            "train/d_loss": multiplied_noise(rng, d_loss, 0.03),
            "train/g_loss": multiplied_noise(rng, g_loss, 0.03),
            "val/d_loss": multiplied_noise(rng, d_loss, 0.03),
            "val/g_loss": multiplied_noise(rng, g_loss, 0.03),
        }
    )


def logarithmic_rise(rng: Rng) -> Simulation:
    """2,000 to 100,000 epochs with an early minimum and a rise like the logarithm."""
    n, best = epochs_between(rng, 2000, 100_000), log_uniform(rng, 0.05, 2.0)
    last = best * log_uniform(rng, 1.07, 3.0)
    risk = u_shape(n, 3 * best, best, last, rng.uniform(0.02, 0.2), logarithmic)
    val = risk + noise(rng, n, (last - best) * rng.uniform(0.02, 0.2))
    return Simulation({"train/loss": decay(n, 3 * best, 0.2 * best, 6), "val/loss": val}, risk)


def after_a_step(rng: Rng) -> Simulation:
    """A step of the learning rate: validation loss drops, then rises to the end."""
    n, at = epochs_between(rng, 30, 300), rng.uniform(0.4, 0.6)
    first = rng.uniform(0.5, 1.0)
    late = progress(n) >= at
    since = np.maximum(progress(n) - at, 0) / (1 - at)
    rise = rng.uniform(0.08, 0.5)
    risk = np.where(late, 0.7 * first * (1 + rise * since), decay(n, 2.3, first, 10))
    train = np.where(late, 0.3 * np.exp(-3 * since), decay(n, 2.3, 0.9 * first, 10))
    return Simulation(
        {"train/loss": train, "val/loss": risk + noise(rng, n, 0.1 * rise * first)}, risk
    )


def sparse_overfitting(rng: Rng) -> Simulation:
    """Validation every 4 to 20 epochs shows a rise."""
    n, every = epochs_between(rng, 120, 1000), int(rng.choice([4, 10, 20]))
    best = rng.uniform(0.2, 1.0)
    last = best * rng.uniform(1.1, 2.0)
    risk = u_shape(n, 2.5, best, last, rng.uniform(0.1, 0.5), saturating)
    val = (risk + noise(rng, n, 0.08 * (last - best)))[every - 1 :: every]
    return Simulation(
        {"train/loss": decay(n, 2.5, 0.05, 5), "val/loss": val},
        risk,
        {"val/loss": range(every, n + 1, every)},
    )


def other_training_scale(rng: Rng) -> Simulation:
    """Training loss with mixed examples stays above the validation loss, which rises."""
    n, best = epochs_between(rng, 20, 300), rng.uniform(0.2, 0.8)
    last = best * rng.uniform(1.1, 1.8)
    risk = u_shape(n, 2.3, best, last, rng.uniform(0.15, 0.6), saturating)
    train = decay(n, last + 2, 1.15 * last, 5)
    return Simulation(
        {"train/loss": train, "val/loss": risk + noise(rng, n, 0.1 * (last - best))}, risk
    )


def accuracy_lost_late(rng: Rng) -> Simulation:
    """Few noisy labels: training accuracy reaches 1 late, validation loses 5 to 15 points."""
    n, best = epochs_between(rng, 50, 500), rng.uniform(0.65, 0.9)
    turn, loss = rng.uniform(0.2, 0.5), rng.uniform(0.4, 1.0)
    fall = u_shape(n, -0.5, -best, -best + rng.uniform(0.05, 0.15), turn, saturating)
    risk = u_shape(n, 0.7, loss, loss * rng.uniform(1.8, 5.0), turn, saturating)
    return Simulation(
        {
            "train/loss": decay(n, 0.7, 0.004, 6),
            "val/loss": multiplied_noise(rng, risk, 0.02),
            "train/accuracy": np.minimum(1, 0.5 + 0.5 * (1.2 * progress(n)) ** 0.5),
            "val/accuracy": np.round((-fall + noise(rng, n, 0.008)) * 200) / 200,
        },
        risk,
    )


def percent_and_other_names(rng: Rng) -> Simulation:
    """Late memorisation under the names of a Lightning module, in percent."""
    run = accuracy_lost_late(rng)
    return Simulation(
        {
            "train_loss_epoch": run.curves["train/loss"],
            "val_loss_epoch": run.curves["val/loss"],
            "train_acc_epoch": 100 * run.curves["train/accuracy"],
            "val_acc_epoch": 100 * run.curves["val/accuracy"],
        },
        run.risk,
    )


def evaluation_losses(rng: Rng) -> Simulation:
    """A healthy run of a Trainer: the loss every 10 steps, the evaluation every 100."""
    evaluations, end = int(rng.integers(5, 60)), rng.uniform(0.1, 1.0)
    n = 10 * evaluations
    train = multiplied_noise(rng, decay(n, 2.3, end, 6), 0.08)
    risk = decay(evaluations, 2.0, 1.05 * end, 6)
    return Simulation(
        {"loss": train, "eval_loss": multiplied_noise(rng, risk, 0.02)},
        None,
        {"loss": range(10, 10 * n + 1, 10), "eval_loss": range(100, 10 * n + 1, 100)},
    )


def _ugly(simulate: Simulate, *, is_external: bool = False) -> SimulatedKind:
    return SimulatedKind(simulate, "unseen", "ugly", "", is_external=is_external)


def _overfits(simulate: Simulate, *accepted: str) -> SimulatedKind:
    return SimulatedKind(simulate, "unseen", "simulated", "NN101", accepted)


UNSEEN_CURVES = {
    "validation spikes": _ugly(validation_spikes),
    "warmup hump": _ugly(warmup_hump),
    "triangular cycles": _ugly(triangular_cycles),
    "long power law": _ugly(long_power_law),
    "random subset": _ugly(random_subset),
    "rounded": _ugly(rounded),
    "sums of losses": _ugly(sums_of_losses),
    "from epoch zero": _ugly(from_epoch_zero, is_external=True),
    "unfreezing": _ugly(unfreezing),
    "growing augmentation": _ugly(growing_augmentation),
    "small drift": _ugly(small_drift),
    "sawtooth": _ugly(sawtooth),
    "smoothed label floor": _ugly(smoothed_label_floor),
    "slow start": _ugly(slow_start),
    "weight averaging at the end": _ugly(weight_averaging_at_the_end),
    "character model": _ugly(character_model),
    "grokked slowly": _ugly(grokked_slowly),
    "adversarial, with splits": _ugly(adversarial_with_splits, is_external=True),
    "logarithmic rise": _overfits(logarithmic_rise),
    "after a step": _overfits(after_a_step),
    "sparse overfitting": _overfits(sparse_overfitting),
    "other training scale": _overfits(other_training_scale),
    "accuracy lost late": _overfits(accuracy_lost_late, "NN107"),
    "percent and other names": SimulatedKind(
        percent_and_other_names, "unseen", "scripts", "NN101", ("NN107",), is_external=True
    ),
    "evaluation losses": SimulatedKind(
        evaluation_losses, "unseen", "scripts", "", is_external=True
    ),
}
