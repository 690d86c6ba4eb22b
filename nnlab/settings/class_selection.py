"""Parsing of `--classes`: 0-4, 0+3+7, setosa+virginica; used by resolution and the data sets."""

import re
from collections.abc import Sequence

from nnlab.errors import ConfigError, unknown_name_message

_SPAN = re.compile(r"(\d+)-(\d+)")


def class_indices(text: str, names: Sequence[str]) -> tuple[int, ...]:
    """The indices of the classes that a text names, ascending.

    Parts are joined by +; a part is the name of a class, its index from 0, or a span of indices. A
    name takes precedence over an index.

    >>> class_indices("0-1+virginica", ("setosa", "versicolor", "virginica"))
    (0, 1, 2)

    Raises:
        ConfigError: a part names no class, or the text names fewer than two classes.
    """
    index_by_name = {name: index for index, name in enumerate(names)}
    for index in range(len(names)):
        index_by_name.setdefault(str(index), index)
    indices: set[int] = set()
    for part in (part.strip() for part in text.split("+")):
        span = None if part in index_by_name else _SPAN.fullmatch(part)
        ends = (part, part) if span is None else (span[1], span[2])
        for end in ends:
            if end not in index_by_name:
                raise ConfigError(
                    [f"--classes {text}: {unknown_name_message('class', end, names)}"]
                )
        indices.update(range(index_by_name[ends[0]], index_by_name[ends[1]] + 1))
    if len(indices) < 2:
        raise ConfigError(
            [f"--classes {text}: at least two classes are needed, got {len(indices)}"]
        )
    return tuple(sorted(indices))
