"""Published data sets: found on this machine or downloaded once, and verified at each read."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.class_names import CLASS_NAMES
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.published import cifar, idx
from nnlab.engine.data.published.download import DownloadProgress, download
from nnlab.engine.data.published.file_search import download_folder, files_in_folder, find_files
from nnlab.engine.data.published.sources import SOURCES, PublishedFile
from nnlab.errors import DataError

__all__ = ["SOURCES", "DownloadProgress", "fetch", "read_published"]

Images = NDArray[np.uint8]
Targets = NDArray[np.int64]


def fetch(
    name: str,
    folder: str = "",
    progress: DownloadProgress | None = None,
    base_urls: Sequence[str] = (),
) -> tuple[Path, ...]:
    """The files of a data set, downloaded if they are not on this machine.

    Args:
        name: a key of `SOURCES`.
        folder: if not empty, the only folder to search.
        progress: called for each chunk of a download.
        base_urls: URLs to download from instead of those in `SOURCES`.

    Raises:
        DataError: the files are missing and cannot be downloaded.
    """
    paths = find_files(name, folder)
    if paths is None:
        download(name, download_folder(name), progress, base_urls)
        paths = files_in_folder(name, str(download_folder(name)))
    return paths


def read_published(name: str, folder: str = "") -> Dataset:
    """A published data set: uint8 images; the last rows are the provided test split.

    Raises:
        DataError: files are missing or have a wrong checksum.
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
    display_name = f"{name}:{folder}" if folder else name
    return Dataset(
        display_name,
        "classification",
        images,
        targets,
        classes,
        num_provided_test=len(test[1]),
    )


def _read_checked(file: PublishedFile, path: Path) -> bytes:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from None
    content = file.verified_content(raw)
    if content is None:
        raise DataError(
            f"{path} is not the expected file: its checksum differs",
            hint="delete it; nnlab then downloads it again or reads it from another folder",
        )
    return content


def _add_channel(images: Images, labels: Images) -> tuple[Images, Targets]:
    return images[:, None], labels.astype(np.int64)


def _parse_cifar(
    name: str, raw: bytes, path: str
) -> tuple[tuple[Images, Targets], tuple[Images, Targets], tuple[str, ...]]:
    """The training split, the test split and the names of the classes."""
    if name == "cifar10":
        train_files, test_file, names_file, label_bytes = (
            _CIFAR10_TRAIN_FILES,
            "test_batch.bin",
            "batches.meta.txt",
            1,
        )
    else:
        train_files, test_file, names_file, label_bytes = (
            ("train.bin",),
            "test.bin",
            "fine_label_names.txt",
            2,
        )
    contents = cifar.extract_members(raw, (*train_files, test_file, names_file), path)
    parts = [
        cifar.parse_records(contents[file], label_bytes, f"{path}, {file}")
        for file in (*train_files, test_file)
    ]
    images, targets = (np.concatenate(arrays) for arrays in zip(*parts[:-1], strict=True))
    classes = tuple(contents[names_file].decode("ascii", "replace").split())
    return (images, targets), parts[-1], classes


_CIFAR10_TRAIN_FILES = tuple(f"data_batch_{number}.bin" for number in range(1, 6))
