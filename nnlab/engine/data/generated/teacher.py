"""A regression whose answer is known: the targets are what a random network puts out."""

import math

import numpy as np

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import make_rng, round_values

FEATURES = 20
HIDDEN_UNITS = 32  # units of the teacher's one hidden layer


def teacher_student(samples: int, noise: float, seed: int) -> Dataset:
    """Standard normal features [n, 20]; the target is the teacher's output plus noise.

    The teacher is tanh(x W + b) v, with W of sd 2 / sqrt(20), b of sd 0.5 and v of sd
    1 / sqrt(32). A student that has learned it all is still wrong by the noise: the mse cannot
    be expected to fall below noise².
    """
    examples = round_values(make_rng(seed, 1).standard_normal((samples, FEATURES)))
    weights = make_rng(seed, 2)
    hidden = weights.normal(0.0, 2 / math.sqrt(FEATURES), (FEATURES, HIDDEN_UNITS))
    bias = weights.normal(0.0, 0.5, HIDDEN_UNITS)
    output = weights.normal(0.0, 1 / math.sqrt(HIDDEN_UNITS), HIDDEN_UNITS)
    taught = np.tanh(examples @ hidden + bias) @ output
    targets = round_values(taught + noise * make_rng(seed, 3).standard_normal(samples))
    return Dataset("teacher-student", "regression", examples, targets, noise_floor=noise**2)
