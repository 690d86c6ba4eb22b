"""The end of the output of a script, which `nnlab run` and `nnlab show` print."""

from nnlab import store
from nnlab.records import Origin, Run
from nnlab.workers.output_file import last_lines
from nnlab.workers.script_folder import find_output_file

# Of a longer line, the end is shown: a script may print any amount of data without a line end.
_MAX_LINE_LENGTH = 500


def output_lines(db: store.Database, run: Run, count: int) -> list[str]:
    """The last lines of the output of a script's run, after a line with the file's name."""
    file = find_output_file(db, run) if run.origin is Origin.SCRIPT else None
    lines = [] if file is None else last_lines(file, count)
    if not lines:
        return []
    heading = f"last lines of run {run.id} ({file}):"
    return [heading, *(f"  {_shortened(line)}" for line in lines)]


def _shortened(line: str) -> str:
    return line if len(line) <= _MAX_LINE_LENGTH else f"... {line[-_MAX_LINE_LENGTH:]}"
