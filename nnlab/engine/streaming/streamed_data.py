"""Opens the data set of a config as `StreamedData`: the batches of its splits."""

import torch

from nnlab.catalogue import find_choice
from nnlab.engine import user_code
from nnlab.engine.data import generation_options
from nnlab.engine.data.generated.paired_signals import STREAMED_DATASETS
from nnlab.engine.data.split_dataset import data_changed_error
from nnlab.engine.data.user_values import UserSplits, call_data_function, find_user_splits
from nnlab.engine.streaming.map_batches import LoadingOptions, usable_workers
from nnlab.engine.streaming.record import StreamedData
from nnlab.engine.streaming.stored_sources import open_stored_data
from nnlab.engine.streaming.user_sources import check_has_validation, open_user_data
from nnlab.settings import RunConfig

__all__ = ["StreamedData", "open_streamed_data"]


def open_streamed_data(
    config: RunConfig, device: torch.device, *, num_workers: int = 0
) -> StreamedData:
    """The data set of a resolved config, read batch by batch.

    Args:
        config: resolved.
        device: of the training; batches for a GPU are in pinned memory.
        num_workers: the number of loader processes; it does not change the batches.

    Raises:
        DataError: the data set cannot be used, or has changed since the run was set up.
        UserCodeError: the user's function fails.
    """
    loading = LoadingOptions(usable_workers(num_workers), pin_memory=device.type == "cuda")
    row = find_choice("data", config.data)
    if row.name in STREAMED_DATASETS:
        dataset = STREAMED_DATASETS[row.name](*generation_options(config))
        return open_user_data(config, UserSplits({"train": dataset}), loading)
    if row.name != "module:":
        return open_stored_data(config, loading)
    # Compared before the function is called: code that has changed must not be executed.
    if not user_code.matches_version(config.data, config.data_version):
        raise data_changed_error(config, user_code.code_version(config.data))
    splits = find_user_splits(config.data, call_data_function(config.data))
    if splits is None:
        return open_stored_data(config, loading)
    check_has_validation(config.data, splits)
    return open_user_data(config, splits, loading)
