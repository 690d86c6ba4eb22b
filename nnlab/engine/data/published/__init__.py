"""Sets that are published: found on this machine, or downloaded once, and checked each time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.class_names import CLASS_NAMES
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.published import cifar, idx
from nnlab.engine.data.published.download import DownloadProgress, download
from nnlab.engine.data.published.file_search import download_folder, find_files
from nnlab.engine.data.published.sources import SOURCES, PublishedFile
from nnlab.errors import DataError

__all__ = ["SOURCES", "DownloadProgress", "fetch", "read_published"]

Images = NDArray[np.uint8]
Targets = NDArray[np.int64]


def fetch(
    name: str, folder: str = "", progress: DownloadProgress | None = None, homes: Sequence[str] = ()
) -> tuple[Path, ...]:
    """The files of a set, downloaded if this machine does not have them.

    Args:
        name: a key of `SOURCES`.
        folder: the only place to look, where one was named.
        progress: told of each piece of a download.
        homes: addresses to ask in place of the set's own.

    Raises:
        DataError: they are not there and cannot be downloaded.
    """
    found = find_files(name, folder)
    if found is None:
        download(name, download_folder(name), progress, homes)
        found = find_files(name, str(download_folder(name)))
    assert found is not None
    return found


def read_published(name: str, folder: str = "") -> Dataset:
    """A published set: uint8 images, its own test split last.

    Raises:
        DataError: its files are not there, or are others.
    """
    paths = fetch(name, folder)
    contents = [
        _read_checked(file, path) for file, path in zip(SOURCES[name].files, paths, strict=True)
    ]
    if name.startswith("cifar"):
        train, test, classes = _parse_cifar(name, contents[0], str(paths[0]))
    else:
        arrays = [idx.parse(c, str(path)) for c, path in zip(contents, paths, strict=True)]
        train, test = (_add_channel(*arrays[:2]), _add_channel(*arrays[2:]))
        classes = CLASS_NAMES[name]
    images = np.concatenate([train[0], test[0]])
    targets = np.concatenate([train[1], test[1]])
    shown = f"{name}:{folder}" if folder else name
    return Dataset(shown, "classification", images, targets, classes, own_test=len(test[1]))


def _read_checked(file: PublishedFile, path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    content = file.content(raw)
    if content is None:
        raise DataError(
            f"{path} is not the file it should be: its checksum differs",
            hint="remove it: it is downloaded again, or read from the next place",
        )
    return content


def _add_channel(images: Images, labels: Images) -> tuple[Images, Targets]:
    return images[:, None], labels.astype(np.int64)


def _parse_cifar(
    name: str, raw: bytes, path: str
) -> tuple[tuple[Images, Targets], tuple[Images, Targets], tuple[str, ...]]:
    """Train, test and the classes' names."""
    if name == "cifar10":
        trains, test, names, labels = _CIFAR10_TRAIN_FILES, "test_batch.bin", "batches.meta.txt", 1
    else:
        trains, test, names, labels = ("train.bin",), "test.bin", "fine_label_names.txt", 2
    held = cifar.extract_members(raw, (*trains, test, names), path)
    parts = [cifar.parse_records(held[one], labels, f"{path}, {one}") for one in (*trains, test)]
    images, targets = (np.concatenate(both) for both in zip(*parts[:-1], strict=True))
    classes = tuple(held[names].decode("ascii", "replace").split())
    return (images, targets), parts[-1], classes


_CIFAR10_TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
