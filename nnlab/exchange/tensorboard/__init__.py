"""Reads TensorBoard's event files without the package tensorboard."""

from nnlab.exchange.tensorboard.reader import TensorBoardReader

__all__ = ["TensorBoardReader"]
