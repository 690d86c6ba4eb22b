"""The decision after an epoch; the leader of a process group broadcasts it to the other ranks.

This module does not import torch.distributed, which only runs in several processes need.
"""

from enum import IntFlag


class EpochDecision(IntFlag):
    """Flags that the leader broadcasts after each epoch; INTERRUPT and SAVE_CHECKPOINT combine."""

    CONTINUE = 0
    INTERRUPT = 1
    SAVE_CHECKPOINT = 2
    END = 4
