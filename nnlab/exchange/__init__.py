"""Readers and writers for the logs of other tools."""

from nnlab.exchange.log_reader import LogReader

# One reader per line. The kind of a log is detected in this order.
READERS: tuple[LogReader, ...] = ()
