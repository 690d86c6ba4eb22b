"""Which classes `--classes` names: 0-4, 0+3+7, setosa+virginica."""

import re
from collections.abc import Sequence

from nnlab.errors import ConfigError, unknown_name_message

_SPAN = re.compile(r"(\d+)-(\d+)")


def class_indices(text: str, names: Sequence[str]) -> tuple[int, ...]:
    """The places of the classes that a text names, ascending.

    Parts are joined by +; a part is a class's name, its place from 0, or a span of places. A
    name goes before a place.

    >>> chosen_classes("0-1+virginica", ("setosa", "versicolor", "virginica"))
    (0, 1, 2)

    Raises:
        ConfigError: a part names no class, or fewer than two are left.
    """
    places = {name: place for place, name in enumerate(names)}
    places |= {str(place): place for place in range(len(names)) if str(place) not in places}
    found: set[int] = set()
    for part in (part.strip() for part in text.split("+")):
        span = None if part in places else _SPAN.fullmatch(part)
        ends = (part, part) if span is None else (span[1], span[2])
        for end in ends:
            if end not in places:
                raise ConfigError(
                    [f"--classes {text}: {unknown_name_message('class', end, names)}"]
                )
        found.update(range(places[ends[0]], places[ends[1]] + 1))
    if len(found) < 2:
        raise ConfigError([f"--classes {text}: two classes at least are needed, got {len(found)}"])
    return tuple(sorted(found))
