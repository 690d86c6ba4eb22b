"""The factor of the learning rate that the schedule of a user or a plugin returns."""

import math

from nnlab.engine.returned_numbers import NotARealNumber, real_number

FACTOR_REQUIREMENT = (
    "nnlab needs a finite number of at least 0, the factor of the initial learning rate"
)


def lr_factor(value: object) -> float:
    """A returned value as a factor.

    Raises:
        NotARealNumber: it is no finite real number of at least 0; the message describes it.
    """
    factor = real_number(value)
    if not 0 <= factor < math.inf:
        raise NotARealNumber(f"{factor:g}")
    return factor
