"""The facts of data in files that is streamed: without reading its examples into memory."""

from dataclasses import replace
from pathlib import Path

from nnlab.engine.data.array_files import fits_in_memory, open_arrays
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.images import find_images, image_bytes
from nnlab.engine.data.table_files import MAX_BYTES
from nnlab.engine.data.table_options import TableOptions
from nnlab.engine.streaming.lazy_tables import read_parquet_features
from nnlab.io.files import main_memory_bytes
from nnlab.settings import DataFacts


def facts_without_examples(name: str, options: TableOptions, *, stream: bool) -> DataFacts | None:
    """The facts of arrays, images or a Parquet table that are streamed or too large for the memory.

    Args:
        name: the data set.
        options: how a table is read.
        stream: whether the data is streamed although it may fit into memory.

    Returns:
        None if the data is read into memory.

    Raises:
        DataError: the files cannot be used.
    """
    kind, _, rest = name.partition(":")
    if kind == "npy":
        arrays = open_arrays(name)
        return _facts(arrays, streamed_only=not fits_in_memory(arrays))
    if kind == "folder":
        files = find_images(name)
        is_large = image_bytes(files.paths) > main_memory_bytes() // 2
        if not (stream or is_large):
            return None
        return _facts(files.as_dataset(None), streamed_only=is_large)
    path = Path(rest.partition("#")[0]).expanduser()
    is_large = path.is_file() and path.stat().st_size > MAX_BYTES
    if not (stream or is_large):
        return None
    table = read_parquet_features(name, options, with_features=False)
    return _facts(table, streamed_only=is_large)


def _facts(dataset: Dataset, *, streamed_only: bool) -> DataFacts:
    return replace(dataset.facts, streamed_only=streamed_only)
