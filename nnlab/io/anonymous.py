"""Text without the paths and addresses that reveal who made it, for double-blind review."""

import re

# Folders such as `/home/ann/lab/`, `~/lab/`, `../ann/` and `C:\Users\ann\`, and the servers of
# URLs such as `postgresql://ann@host/`. The name after them is kept.
_HOME = re.compile(r"(?:(?<![\w.])/(?:home|Users)|(?<!\w)[A-Za-z]:\\Users)[/\\][^\s/\\'\":]+")
_FOLDERS = re.compile(
    r"(?:\w+(?:\+\w+)?://[^\s/'\"]*/+|(?<![\w.~])(?:(?:~|\.\.?)?/|~\\)|(?<!\w)[A-Za-z]:[\\/]|\\\\)"
    r"(?:[^\s/\\'\":]*[/\\])*"
)


def hide_folders(text: str) -> str:
    """The text with each path or URL shortened to its last part.

    >>> hide_folders("nnlab train --data csv:/home/ann/lab/points.csv --db=../ann/runs.db")
    'nnlab train --data csv:points.csv --db=runs.db'
    >>> hide_folders("--db postgresql://ann@lab.example/results --lr 1/2")
    '--db results --lr 1/2'
    """
    return _FOLDERS.sub("", _HOME.sub("~", text))
