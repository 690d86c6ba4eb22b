"""Hints of errors in the tracebacks of Python; the command line prints them by itself."""

from collections.abc import Iterator
from contextlib import contextmanager

from nnlab.errors import NnlabError


@contextmanager
def hints_in_tracebacks() -> Iterator[None]:
    """A decorator of the functions of the API: an error that leaves them has its hint as a note.

    Python prints the notes of an exception below its message.
    """
    try:
        yield
    except NnlabError as error:
        note = f"try: {error.hint}"
        # The functions call each other, and a hint is printed once.
        if error.hint is not None and note not in getattr(error, "__notes__", ()):
            error.add_note(note)
        raise
