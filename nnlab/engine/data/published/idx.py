"""The file format of MNIST: a magic number, the sizes, then bytes.

Format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database", section "File formats".
"""

import numpy as np
from numpy.typing import NDArray

from nnlab.errors import DataError

_UINT8 = 8  # the code of unsigned bytes


def parse(content: bytes, name: str) -> NDArray[np.uint8]:
    """The array that a file of unsigned bytes holds, of one to four dimensions.

    Args:
        content: unpacked.
        name: of the file, for the message.

    Raises:
        DataError: it is no such file, or has not the length that it says.
    """
    dimensions = content[3] if len(content) >= 4 else 0
    start = 4 + 4 * dimensions
    sound = content[:3] == bytes((0, 0, _UINT8)) and 1 <= dimensions <= 4 and len(content) >= start
    if not sound:
        raise DataError(f"{name} is no file in the MNIST format")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, offset=4))
    values = np.frombuffer(content, np.uint8, offset=start)
    if values.size != np.prod(shape, dtype=np.int64):
        raise DataError(
            f"{name} says that it holds {'x'.join(map(str, shape))} bytes, it holds {values.size}"
        )
    return values.reshape(shape)
