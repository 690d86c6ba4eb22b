"""Media that `log` accepts: images, tables and histograms; each becomes a file of the run."""

from abc import ABC, abstractmethod
from typing import Any


class Media(ABC):
    """A value of a log call that is stored as a file."""

    @property
    @abstractmethod
    def suffix(self) -> str:
        """The end of the file's name."""

    @abstractmethod
    def snapshot(self) -> "Media":
        """An equal value that later changes of the user's arrays do not affect."""

    @abstractmethod
    def encode(self) -> bytes:
        """The content of the file."""


def to_array(data: Any) -> Any:
    """The numpy array of an array, a tensor on any device, or nested lists."""
    import numpy as np

    if callable(detach := getattr(data, "detach", None)):
        data = detach().cpu().float().numpy()
    return np.asarray(data)
