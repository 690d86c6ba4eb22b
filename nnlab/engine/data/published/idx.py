"""The IDX file format of MNIST: a magic number, the sizes of the dimensions, then the values.

Format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
"""

import numpy as np
from numpy.typing import NDArray

from nnlab.errors import DataError

_UINT8 = 8  # type code of unsigned bytes


def parse(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array in a file of unsigned bytes, with one to four dimensions.

    Args:
        content: the unpacked content of the file.
        name: name of the file, for messages.

    Raises:
        DataError: the file has another format, or a length that differs from its header.
    """
    dimensions = content[3] if len(content) >= 4 else 0
    start = 4 + 4 * dimensions
    is_valid = (
        content[:3] == bytes((0, 0, _UINT8)) and 1 <= dimensions <= 4 and len(content) >= start
    )
    if not is_valid:
        raise DataError(f"{name} is not a file in the MNIST format")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != np.prod(shape, dtype=np.int64):
        raise DataError(
            f"the header of {name} announces {'x'.join(map(str, shape))} bytes,"
            f" it has {values.size}"
        )
    return values.reshape(shape)
