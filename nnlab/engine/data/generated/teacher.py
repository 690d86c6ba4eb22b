"""A regression data set with a known solution: the targets are the outputs of a random network."""

import math

import numpy as np

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import make_rng, round_values

FEATURES = 20
HIDDEN_UNITS = 32  # of the teacher's single hidden layer


def teacher_student(samples: int, noise: float, seed: int) -> Dataset:
    """Standard normal features [n, 20]; the target is the teacher's output plus noise.

    The teacher is tanh(x W + b) v, with W of sd 2 / sqrt(20), b of sd 0.5 and v of sd
    1 / sqrt(32). The expected mse of a student that equals the teacher is noise², the noise
    floor of the data set.
    """
    examples = round_values(make_rng(seed, 1).standard_normal((samples, FEATURES)))
    weight_rng = make_rng(seed, 2)
    hidden = weight_rng.normal(0.0, 2 / math.sqrt(FEATURES), (FEATURES, HIDDEN_UNITS))
    bias = weight_rng.normal(0.0, 0.5, HIDDEN_UNITS)
    output = weight_rng.normal(0.0, 1 / math.sqrt(HIDDEN_UNITS), HIDDEN_UNITS)
    teacher_outputs = np.tanh(examples @ hidden + bias) @ output
    targets = round_values(teacher_outputs + noise * make_rng(seed, 3).standard_normal(samples))
    return Dataset("teacher-student", "regression", examples, targets, noise_floor=noise**2)
