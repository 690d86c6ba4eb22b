"""`--data rings`: two rings of points with noise, generated."""

import numpy as np

from nnlab.plugins import DataPlugin, RunConfig


def read(config: RunConfig) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(config.data_seed)
    inner = np.arange(config.samples) % 2
    angle = draw.uniform(0, 2 * np.pi, config.samples)
    radius = 2 - inner + draw.normal(0, config.data_noise, config.samples)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1), inner


RINGS = DataPlugin(
    name="rings",
    summary="two rings around each other, 2 features",
    source="generated; data_noise is the sd of the radius",
    defaults={"samples": 300, "data_noise": 0.1, "data_seed": 0},
    tasks=("classification",),
    classes=("outer", "inner"),
    read=read,
)
