"""Frames of animated figures, and their GIF and MP4 files; used by `draw.save`."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from PIL import Image

from nnlab.errors import OutputError, UsageError
from nnlab.figures.draw.style import style_context

MAX_FRAMES: Final = 60
_MAX_PIXELS, _MAX_DPI = 1200, 200  # width of a frame
# The whole animation, a frame, and the last frame.
_SECONDS, _MIN_FRAME_SECONDS, _MAX_FRAME_SECONDS, _LAST_SECONDS = 6.0, 0.06, 0.6, 2.0
_PALETTE_COLORS, _EXACT_COLORS, _PALETTE_FRAMES = 256, 64, 6
_MAX_FFMPEG_SECONDS = 600

_Item = TypeVar("_Item")


def evenly_spaced(items: Sequence[_Item], count: int = MAX_FRAMES) -> list[_Item]:
    """At most `count` evenly spaced items, the first and the last included.

    >>> evenly_spaced([1, 2, 3, 4, 5], 3)
    [1, 3, 5]
    """
    if len(items) <= count:
        return list(items)
    return [items[round(i * (len(items) - 1) / (count - 1))] for i in range(count)]


def reveal_epochs(figure: Figure, epochs: Sequence[int]) -> Iterator[Figure]:
    """The figure once for each epoch, with its lines and areas drawn up to that epoch.

    Args:
        figure: panels with the epoch as horizontal axis, and with their final layout.
        epochs: ascending.
    """
    axes = figure.axes
    curves = [
        (line, np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for ax in axes
        for line in _curves_of(ax)
    ]
    areas = [(ax, artist) for ax in axes for artist in (*ax.collections, *ax.patches)]
    for epoch in evenly_spaced(epochs):
        for line, x, y in curves:
            line.set_data(x[x <= epoch], y[x <= epoch])
        for ax, area in areas:
            left, _ = ax.get_xlim()
            area.set_clip_path(
                Rectangle((left, 0), epoch - left, 1, transform=ax.get_xaxis_transform())
            )
        yield figure


def _curves_of(ax: Axes) -> list[Line2D]:
    """The lines over epochs of a panel, without those across the whole panel."""
    return [line for line in ax.lines if line.get_transform() == ax.transData]


def render_animation(frames: Iterable[Figure], kind: str, comment: str) -> bytes:
    """The bytes of a GIF or MP4 file of the frames, which have one size.

    Args:
        frames: each is rendered before the next one is drawn.
        kind: `gif` or `mp4`.
        comment: the comment of the file, in ASCII.

    Raises:
        UsageError: an MP4 file is requested, and ffmpeg is not installed.
        OutputError: ffmpeg cannot write the file.
    """
    if kind == "mp4":
        check_ffmpeg()
    images = [_render_frame(frame) for frame in frames]
    seconds = min(max(_SECONDS / len(images), _MIN_FRAME_SECONDS), _MAX_FRAME_SECONDS)
    if kind == "gif":
        return _gif(images, seconds, comment)
    return _mp4(images, seconds, comment)


def check_ffmpeg() -> None:
    """Raises if ffmpeg, which writes MP4 files, is not installed.

    Raises:
        UsageError: it is not.
    """
    if shutil.which("ffmpeg") is None:
        raise UsageError(
            "an .mp4 file needs ffmpeg, which is not installed",
            hint="install it with the package manager of the system, or write a .gif file",
        )


def _render_frame(figure: Figure) -> Image.Image:
    dpi = min(_MAX_DPI, int(_MAX_PIXELS / figure.get_figwidth()))
    buffer = io.BytesIO()
    with style_context():
        figure.savefig(buffer, format="png", dpi=dpi)
    buffer.seek(0)
    return Image.open(buffer).convert("RGB")


def _gif(images: Sequence[Image.Image], seconds: float, comment: str) -> bytes:
    """A GIF file whose frames share a palette, so that no colour flickers."""
    sample = evenly_spaced(images, _PALETTE_FRAMES)
    width, height = sample[0].size
    joined = Image.new("RGB", (width, height * len(sample)))
    for index, image in enumerate(sample):
        joined.paste(image, (0, index * height))
    palette = _palette(joined)
    first, *rest = [_with_palette(image, palette) for image in images]
    durations = [round(1000 * seconds)] * len(rest) + [round(1000 * _LAST_SECONDS)]
    buffer = io.BytesIO()
    first.save(
        buffer,
        format="GIF",
        save_all=True,
        append_images=rest,
        duration=durations,
        loop=0,
        comment=comment.encode("ascii"),
        optimize=False,
    )
    return buffer.getvalue()


def _palette(image: Image.Image) -> np.ndarray:
    """256 colours [256, 3]: the most frequent ones, unchanged, and typical ones of the others."""
    counts = image.getcolors(maxcolors=image.width * image.height) or []
    frequent = [rgb for _, rgb in sorted(counts, reverse=True)[:_EXACT_COLORS]]
    others = image.quantize(_PALETTE_COLORS - len(frequent), dither=Image.Dither.NONE)
    typical = np.array(others.getpalette()).reshape(-1, 3)
    palette = np.concatenate([np.array(frequent), typical])[:_PALETTE_COLORS]
    return np.pad(palette, ((0, _PALETTE_COLORS - len(palette)), (0, 0)), mode="edge")


def _with_palette(image: Image.Image, palette: np.ndarray) -> Image.Image:
    """The image with the nearest colour of the palette for each pixel.

    Pillow's own search is approximate, which would tint the background.
    """
    pixels = np.asarray(image).astype(np.int64).reshape(-1, 3)
    packed = pixels[:, 0] << 16 | pixels[:, 1] << 8 | pixels[:, 2]
    unique, inverse = np.unique(packed, return_inverse=True)
    colors = np.stack([unique >> 16, unique >> 8 & 255, unique & 255], axis=1)
    # |a - b|^2 without |a|^2, which is the same for the whole palette.
    distances = (palette**2).sum(1) - 2 * colors @ palette.T
    indices = distances.argmin(1).astype(np.uint8)[inverse].reshape(image.height, image.width)
    result = Image.fromarray(indices, mode="P")
    result.putpalette(palette.astype(np.uint8).tobytes())
    return result


def _mp4(images: Sequence[Image.Image], seconds: float, comment: str) -> bytes:
    """An MP4 file (H.264), without dates and version numbers, so that it can be reproduced."""
    width, height = (size - size % 2 for size in images[0].size)  # H.264 needs even sizes
    repeats = max(1, round(_LAST_SECONDS / seconds))
    frames = b"".join(
        image.crop((0, 0, width, height)).tobytes()
        for image in (*images, *[images[-1]] * (repeats - 1))
    )
    with tempfile.TemporaryDirectory(prefix="nnlab-") as folder:
        path = Path(folder) / "figure.mp4"
        command = [
            *("ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24"),
            *("-s", f"{width}x{height}", "-framerate", f"{1 / seconds:.6f}", "-i", "-"),
            *("-vcodec", "h264", "-pix_fmt", "yuv420p", "-crf", "18", "-threads", "1"),
            *("-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart"),
            *("-metadata", f"comment={comment}", str(path)),
        ]
        try:
            subprocess.run(  # noqa: S603  the arguments are no shell words
                command, input=frames, capture_output=True, check=True, timeout=_MAX_FFMPEG_SECONDS
            )
        except subprocess.SubprocessError as error:
            output = getattr(error, "stderr", None) or str(error).encode()
            lines = output.decode(errors="replace").strip().splitlines() or ["no message"]
            raise OutputError(
                f"ffmpeg cannot write the animation: {lines[-1]}", hint="write a .gif file"
            ) from error
        return path.read_bytes()
