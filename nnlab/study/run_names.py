"""Detects names of runs and studies that could be mistaken for the number of a run."""

import re

_NUMBER_RANGE = re.compile(r"[#\s]*\d+\s*(?:\.\.|-|:|,)\s*#?\d+\s*")


def reads_as_number(name: str) -> bool:
    """True where a name could also be read as a number, a range or a list of numbers.

    >>> [name for name in ("2", "#2", "1e3", "1-3", "1,2,3", "v2", "2024-05-01") if
    ...  reads_as_number(name)]
    ['2', '#2', '1e3', '1-3', '1,2,3']
    """
    bare = name.strip().removeprefix("#").strip()
    if _NUMBER_RANGE.fullmatch(bare):
        return True
    parts = bare.split(",")
    return all(_is_number(part) for part in parts) or bare.isnumeric()


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
