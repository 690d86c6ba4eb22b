"""Data sets drawn from a seed: as many examples as wanted, the same on every machine.

Every set is a function of (samples, noise, seed). Values are rounded to a millionth: sine and
matrix products may differ in their last bit from one processor to the next, the data does not.
"""

from collections.abc import Callable, Mapping

from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.generated import planar, sequences, teacher

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
}


def generate_dataset(name: str, samples: int, noise: float, seed: int) -> Dataset:
    """The data set of that name.

    Args:
        name: a key of `GENERATE_FUNCTIONS`.
        samples: how many examples.
        noise: of the set's own kind, in the unit of its values.
        seed: of all that is drawn.
    """
    return GENERATE_FUNCTIONS[name](samples, noise, seed)
