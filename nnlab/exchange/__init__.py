"""Readers and writers for the logs of other tools."""

from nnlab.exchange.log_reader import LogReader
from nnlab.exchange.tensorboard import TensorBoardReader
from nnlab.exchange.wandb_offline import WandbOfflineReader

# One reader per line. The kind of a log is detected in this order.
READERS: tuple[LogReader, ...] = (
    TensorBoardReader(),
    WandbOfflineReader(),
)  # fmt: skip
