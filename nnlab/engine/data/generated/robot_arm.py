"""A regression with two targets: the position of the hand of an arm with two joints."""

import numpy as np

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated.rng import make_rng, round_values

UPPER_ARM, FOREARM = 1.0, 0.7


def robot_arm(samples: int, noise: float, seed: int) -> Dataset:
    """The angles [n, 2] of shoulder and elbow in radians, and the position (x, y) of the hand.

    x = cos a + 0.7 cos(a + b), y = sin a + 0.7 sin(a + b). `noise` is the sd of both coordinates;
    the expected mse of the best model is noise².
    """
    angles = round_values(make_rng(seed, 1).uniform(-np.pi, np.pi, (samples, 2)))
    shoulder, elbow = angles[:, 0], angles.sum(axis=1)
    hand = np.stack(
        [
            UPPER_ARM * np.cos(shoulder) + FOREARM * np.cos(elbow),
            UPPER_ARM * np.sin(shoulder) + FOREARM * np.sin(elbow),
        ],
        axis=1,
    )
    targets = round_values(hand + noise * make_rng(seed, 2).standard_normal(hand.shape))
    return Dataset(
        "robot-arm",
        "regression",
        angles,
        targets,
        noise_floor=noise**2,
        target_names=("x", "y"),
    )
