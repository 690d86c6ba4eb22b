"""Checks of the types of arguments; every function reports all of its problems at once."""

import operator
import os
from collections.abc import Mapping, Sequence

from nnlab.errors import ConfigError


def check_arguments(
    *,
    counts: Mapping[str, object] | None = None,
    texts: Mapping[str, object] | None = None,
    switches: Mapping[str, object] | None = None,
    name_lists: Mapping[str, object] | None = None,
    paths: Mapping[str, object] | None = None,
) -> None:
    """Checks arguments by name; None is valid for counts, texts and paths.

    Args:
        counts: whole numbers of at least 1.
        texts: texts.
        switches: True or False.
        name_lists: a text, or a sequence of texts.
        paths: a path or a URL.

    Raises:
        ConfigError: an argument has another type or value; the message names all of them.
    """
    problems = [
        f"{name} must be a whole number of at least 1, or None for all, got {value!r}"
        for name, value in (counts or {}).items()
        if value is not None and not _is_count(value)
    ]
    problems += [
        f"{name} must be text, got {value!r}"
        for name, value in (texts or {}).items()
        if value is not None and not isinstance(value, str)
    ]
    problems += [
        f"{name} must be True or False, got {value!r}"
        for name, value in (switches or {}).items()
        if not isinstance(value, bool)
    ]
    problems += [
        f"{name} must be text or a list of texts, got {value!r}"
        for name, value in (name_lists or {}).items()
        if not _are_names(value)
    ]
    problems += [
        f"{name} must be a path or a URL, got {value!r}"
        for name, value in (paths or {}).items()
        if value is not None and not isinstance(value, str | os.PathLike)
    ]
    if problems:
        raise ConfigError(problems)


def _is_count(value: object) -> bool:
    if isinstance(value, bool):
        return False
    try:
        return operator.index(value) >= 1  # type: ignore[arg-type]
    except TypeError:
        return False


def _are_names(value: object) -> bool:
    return isinstance(value, str) or (
        isinstance(value, Sequence) and all(isinstance(item, str) for item in value)
    )
