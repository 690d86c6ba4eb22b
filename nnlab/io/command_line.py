"""Shell quoting of the commands that nnlab suggests to the user."""

import shlex


def quote_command(*words: object) -> str:
    """A command line that a POSIX shell splits into exactly these words.

    >>> quote_command("nnlab", "train", "--study", "my study")
    "nnlab train --study 'my study'"
    """
    return shlex.join(str(word) for word in words)
