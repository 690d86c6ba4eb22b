"""A data set read, filtered, split and corrupted as a config specifies."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from nnlab.catalogue import find_choice
from nnlab.engine import user_code
from nnlab.engine.data import read_dataset
from nnlab.engine.data.assign_splits import assign_splits, rows_before_folds
from nnlab.engine.data.corruption import add_label_noise, subsample_train_rows
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.embeddings import keep_trained_categories
from nnlab.engine.data.missing_values import fill_missing_values
from nnlab.engine.data.split import SplitRows
from nnlab.errors import DataError
from nnlab.settings import RunConfig


@dataclass(frozen=True, slots=True)
class SplitDataset:
    """A data set before preprocessing, and the rows of its splits.

    With `train_size`, some rows belong to no split. `unfolded` is the data before the run's fold
    was chosen; None without folds.
    """

    dataset: Dataset
    rows: SplitRows
    unfolded: "SplitDataset | None" = None

    @property
    def fingerprint(self) -> str:
        """The first 16 hex digits of the SHA-256 of the data and its splits.

        It is equal for all folds, because the runs of all folds are compared with each other.
        """
        if self.unfolded is not None:
            return self.unfolded.fingerprint
        return self.dataset.fingerprint(self.rows.train, self.rows.val, self.rows.test)


def data_changed_error(config: RunConfig, version: str | None) -> DataError:
    """The error that the content of a data set differs from the hash in the config."""
    return DataError(
        f"{config.data} has changed since this run was set up:"
        f" the hash of its content was {config.data_version}, now it is {version}",
        hint="repeat the same `nnlab train` command: the new content makes a new trial",
    )


def read_and_split(
    config: RunConfig, read: Callable[[RunConfig], Dataset] = read_dataset
) -> SplitDataset:
    """Reads and splits the data set of a resolved config.

    Args:
        config: resolved.
        read: reads the data set.

    Raises:
        DataError: the data set cannot be used, or has changed since the run was set up.
    """
    is_function = find_choice("data", config.data).name == "module:"
    # Compared before the function is called: code that has changed must not be executed.
    if is_function and not user_code.matches_version(config.data, config.data_version):
        raise data_changed_error(config, user_code.code_version(config.data))
    dataset = read(config)
    if not is_function and dataset.version != config.data_version:
        raise data_changed_error(config, dataset.version)
    rows = assign_splits(dataset, config)
    unfolded = None
    if config.folds is not None:
        unfolded = SplitDataset(dataset, rows_before_folds(rows))
    if config.train_size is not None:
        train = subsample_train_rows(dataset, rows.train, config.train_size, config.split_seed)
        rows = replace(rows, train=train)
    dataset = fill_missing_values(dataset, rows.train)
    dataset = keep_trained_categories(dataset, rows.train)
    if dataset.task == "classification":
        dataset = add_label_noise(dataset, rows.train, config.label_noise, config.split_seed)
    return SplitDataset(dataset, rows, unfolded)
