"""The writers of the log formats of other tools; `nnlab export --to KIND` selects one by name."""

from collections.abc import Mapping

from nnlab.exchange.log_writer import LogWriter

# One writer per line, in the order of the documentation.
_WRITERS: tuple[LogWriter, ...] = ()

WRITERS: Mapping[str, LogWriter] = {writer.kind: writer for writer in _WRITERS}
