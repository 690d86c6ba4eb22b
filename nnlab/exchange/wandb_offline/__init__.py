"""Reads W&B's .wandb files without the package wandb."""

from nnlab.exchange.wandb_offline.reader import WandbOfflineReader

__all__ = ["WandbOfflineReader"]
