"""Data sets from a user's images: `folder:PATH`, with one sub-folder for each class.

If the sub-folders are called train, val and test, each of them contains the sub-folders of the
classes. All images must have the same size; unless all are greyscale, they are converted to RGB.
"""

import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.arrays import SPLIT_NAMES
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.location import find_data_file
from nnlab.errors import DataError
from nnlab.io.files import main_memory_bytes

SUFFIXES = (".png", ".jpg", ".jpeg", ".ppm", ".pgm", ".bmp", ".gif", ".tif", ".tiff", ".webp")

_GREY_MODES = ("1", "L")
_CHUNK_BYTES = 1 << 20


def read_dataset(name: str) -> Dataset:
    """Reads `folder:PATH`.

    Raises:
        DataError: the folder does not exist or has no images, or the images differ in size.
    """
    files = find_images(name)
    return files.as_dataset(_load_images(files.paths))


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """The images of a data set: their paths and labels [n], with those of train first."""

    name: str
    root: Path
    paths: tuple[Path, ...]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    num_test: int
    num_val: int

    def as_dataset(self, examples: Any) -> Dataset:
        """The data set with the pixels of the images."""
        return Dataset(
            self.name,
            "classification",
            examples,
            self.labels,
            self.classes,
            content_hash(self.root, self.paths),
            num_provided_test=self.num_test,
            num_provided_val=self.num_val,
        )


def find_images(name: str) -> ImageFiles:
    """The images of `folder:PATH`.

    Raises:
        DataError: the folder does not exist, or has no images.
    """
    root = find_data_file(name.removeprefix("folder:"), "--data folder:PATH", "folder")
    if not root.is_dir():
        raise DataError(f"no folder at {root}", hint="--data folder:PATH")
    folders = _subfolders(root)
    parts = _split_folders(root, folders)
    classes = sorted({folder.name for part in parts for folder in _subfolders(part)})
    if len(classes) < 2:
        raise DataError(f"{root} has {len(classes)} sub-folders; it needs one for each class")
    files = [_labelled_files(part, classes) for part in parts]
    counts = {part.name: len(labelled) for part, labelled in zip(parts, files, strict=True)}
    return ImageFiles(
        name,
        root,
        tuple(path for part in files for path, _ in part),
        np.array([label for part in files for _, label in part], np.int64),
        tuple(classes),
        counts.get("test", 0) if len(parts) > 1 else 0,
        counts.get("val", 0) if len(parts) > 1 else 0,
    )


def common_shape(paths: Sequence[Path]) -> tuple[int, int, int]:
    """The shape [channels, height, width] of images, read from the headers of the files.

    Raises:
        DataError: an image cannot be read, or they differ in size.
    """
    size = _image_size(paths[0])
    channels = 1
    for path in paths:
        with _open_image(path) as image:
            _check_size(path, paths[0], image.size, size)
            channels = channels if image.mode in _GREY_MODES else 3
    return channels, size[1], size[0]


def image_files(root: Path) -> list[Path]:
    """All images in a folder and its sub-folders, sorted; hidden files and folders are left out."""
    paths = (path for path in root.rglob("*") if path.suffix.lower() in SUFFIXES)
    return sorted(
        path
        for path in paths
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    )


def read_image(path: Path, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The pixels of an image in the shape [1 or 3, height, width] of the training images.

    Raises:
        DataError: it cannot be read, or has another size.
    """
    channels, height, width = shape
    with _open_image(path) as image:
        if image.size != (width, height):
            raise DataError(
                f"{path} has {image.size[0]}x{image.size[1]} pixels, expected {width}x{height}"
            )
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), np.uint8)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def _subfolders(path: Path) -> list[Path]:
    return sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))


def _split_folders(root: Path, folders: Sequence[Path]) -> list[Path]:
    """The folders of the splits, train first; the root folder if there are no splits."""
    names = {folder.name for folder in folders}
    if "train" in names and len(names) > 1 and names <= set(SPLIT_NAMES):
        return [root / part for part in SPLIT_NAMES if part in names]
    return [root]


def _labelled_files(part: Path, classes: Sequence[str]) -> list[tuple[Path, int]]:
    files = []
    for folder in _subfolders(part):
        images = sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and p.is_file())
        if not images:
            raise DataError(f"{folder} has no images", hint=f"supported: {' '.join(SUFFIXES)}")
        files += [(path, classes.index(folder.name)) for path in images]
    return files


def _load_images(paths: Sequence[Path]) -> NDArray[np.uint8]:
    """Images [n, 1 or 3, height, width]."""
    width, height = _image_size(paths[0])
    # Checked before decoding, because a small file may contain a huge image.
    needed, limit = image_bytes(paths), main_memory_bytes() // 2
    if needed > limit:
        raise DataError(
            f"{len(paths):,} images of {width}x{height} pixels need {needed:,} bytes; the limit is"
            f" {limit:,}, half of the memory of this machine",
            hint="--stream decodes them batch by batch",
        )
    loaded = [_read_pixels(path, paths[0], (width, height)) for path in paths]
    has_colour = any(pixels.ndim == 3 for pixels in loaded)
    same_mode = [_to_rgb(pixels) if has_colour else pixels[:, :, None] for pixels in loaded]
    return np.ascontiguousarray(np.stack(same_mode).transpose(0, 3, 1, 2))


def image_bytes(paths: Sequence[Path]) -> int:
    """The memory that images of the size of the first one need in colour."""
    width, height = _image_size(paths[0])
    return width * height * 3 * len(paths)


def _image_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, read from the header of the file."""
    with _open_image(path) as image:
        width, height = image.size
    return int(width), int(height)


def _read_pixels(path: Path, first: Path, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The pixels, [height, width] of a greyscale image, else [height, width, 3], without alpha.

    Raises:
        DataError: the size differs from that of the first image.
    """
    with _open_image(path) as image:
        _check_size(path, first, image.size, size)
        converted: Any = image.convert("L" if image.mode in _GREY_MODES else "RGB")
    return np.asarray(converted, np.uint8)


def _check_size(path: Path, first: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    if size != expected:
        raise DataError(
            f"{path} has {size[0]}x{size[1]} pixels, {first} has {expected[0]}x{expected[1]}",
            hint="resize all images to the same size first",
        )


@contextmanager
def _open_image(path: Path) -> Iterator[Any]:
    """Opens an image, and converts all errors of Pillow.

    Raises:
        DataError: it cannot be read, or has more pixels than Pillow decodes without a warning.
    """
    from PIL import Image  # slow to import, and needed for image folders only

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                yield image
    except (
        OSError,
        SyntaxError,
        ValueError,
        MemoryError,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise DataError(f"{path} is not a readable image: {error}") from None


def _to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def content_hash(root: Path, paths: Sequence[Path]) -> str:
    """The first 16 hex digits of the SHA-256 of the names and contents of all images."""
    digest = hashlib.sha256()
    for path in paths:
        size = path.stat().st_size
        digest.update(f"{path.relative_to(root).as_posix()}\0{size}\0".encode())
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()[:16]
