"""Synthetic data sets of any size, generated from a seed and identical on every machine.

Every set is a function of (samples, noise, seed). Values are rounded to six decimals, because the
last bits of sines and matrix products differ between processors.
"""

from collections.abc import Callable, Mapping

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated import (
    brackets,
    planar,
    robot_arm,
    sentences,
    sequences,
    shapes,
    tags,
    teacher,
)

__all__ = ["GENERATE_FUNCTIONS", "generate_dataset"]

GenerateFunction = Callable[[int, float, int], Dataset]

GENERATE_FUNCTIONS: Mapping[str, GenerateFunction] = {
    "two-moons": planar.two_moons,
    "circles": planar.circles,
    "spirals": planar.spirals,
    "blobs": planar.blobs,
    "xor": planar.xor,
    "sequences": sequences.sequences,
    "teacher-student": teacher.teacher_student,
    "robot-arm": robot_arm.robot_arm,
    "tags": tags.tags,
    "brackets": brackets.brackets,
    "word-tags": sentences.word_tags,
    "text": sentences.text,
    "shapes": shapes.shapes,
}


def generate_dataset(name: str, samples: int, noise: float, seed: int) -> Dataset:
    """Generates a data set.

    Args:
        name: a key of `GENERATE_FUNCTIONS`.
        samples: number of examples.
        noise: amount of noise, in the unit of the values; its kind depends on the set.
        seed: seed of all random numbers.
    """
    return GENERATE_FUNCTIONS[name](samples, noise, seed)
