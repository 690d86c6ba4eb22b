"""Media that other trackers accept and `nnlab.log` does not: each becomes a file of the run."""

import io
import json
import os
import wave
from pathlib import Path
from typing import Any

from nnlab.tracking.config_values import plain_value
from nnlab.tracking.media import Media, to_array


class EncodedFile(Media):
    """A file whose content is known when it is logged.

    Args:
        content: the bytes, or a text.
        suffix: the end of the file's name, such as `.txt`.
    """

    def __init__(self, content: bytes | str, suffix: str) -> None:
        self._content = content.encode("utf-8", "replace") if isinstance(content, str) else content
        self._suffix = suffix

    @property
    def suffix(self) -> str:
        """The end of the file's name."""
        return self._suffix

    def snapshot(self) -> Media:
        """See `Media`; bytes do not change."""
        return self

    def encode(self) -> bytes:
        """The content."""
        return self._content


def is_file(data: object) -> bool:
    """Whether the data of a medium are the path of a file that exists."""
    if not isinstance(data, str | os.PathLike):
        return False
    try:
        return Path(data).is_file()
    except (OSError, ValueError):  # a text that is too long for a path, or contains zeros
        return False


def read_data(data: Any, suffix: str) -> tuple[bytes, str] | None:
    """The bytes of a path or an open file, and the suffix of its name; None if it is neither."""
    if is_file(data):
        return Path(data).read_bytes(), Path(data).suffix or suffix
    if callable(read := getattr(data, "read", None)):
        content = read()
        return (content.encode() if isinstance(content, str) else bytes(content)), suffix
    return None


def encode_video(frames: Any, fps: int) -> bytes:
    """A GIF.

    Args:
        frames: an array or tensor of bytes of shape [time, channels, height, width], possibly with
            a batch in front, of which the videos are put side by side.
        fps: frames per second.

    Raises:
        ValueError: the shape is another one.
    """
    import numpy as np
    from PIL import Image

    array = to_array(frames)
    if array.ndim == 5:
        array = np.concatenate(list(array), axis=3)
    if array.ndim != 4 or array.shape[1] not in (1, 3, 4):
        raise ValueError(
            f"{array.shape} is not the shape of a video [time, channels, height, width]"
        )
    if np.issubdtype(array.dtype, np.floating) and array.size and array.max() <= 1.0:
        array = array * 255.0
    pixels = np.clip(array, 0, 255).astype(np.uint8)
    images = [Image.fromarray(np.moveaxis(f, 0, 2).squeeze()).convert("RGB") for f in pixels]
    buffer = io.BytesIO()
    duration = max(20, round(1000 / max(1, fps)))
    images[0].save(
        buffer, format="GIF", save_all=True, append_images=images[1:], duration=duration, loop=0
    )
    return buffer.getvalue()


def encode_audio(samples: Any, sample_rate: int) -> bytes:
    """A WAV file of 16 bits.

    Args:
        samples: an array or tensor of numbers in [-1, 1] of shape [samples] or [samples, channels].
        sample_rate: samples per second.
    """
    import numpy as np

    array = np.atleast_1d(np.squeeze(to_array(samples)))
    array = array[:, None] if array.ndim == 1 else array
    if array.shape[0] < array.shape[1]:  # torchaudio has the channels first
        array = array.T
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(array.shape[1])
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes((np.clip(array, -1, 1) * 32767).astype("<i2").tobytes())
    return buffer.getvalue()


def json_file(content: Any, suffix: str = ".json") -> EncodedFile:
    """A JSON file; values that JSON does not have become texts."""
    return EncodedFile(json.dumps(plain_value(content), indent=1), suffix)
