"""The facts of a data set whose arrays, or a stand-in for them, are at hand."""

from typing import TYPE_CHECKING

from nnlab.config import DataFacts

if TYPE_CHECKING:
    from nnlab.engine.data.dataset import Dataset


def facts_of_dataset(dataset: "Dataset", *, streamed_only: bool = False) -> DataFacts:
    """The facts of a data set.

    Args:
        dataset: in memory, or with examples that are read later.
        streamed_only: whether the data cannot be read into memory.
    """
    return DataFacts(
        dataset.task,
        dataset.version,
        dataset.num_provided_test > 0,
        dataset.num_provided_val > 0,
        dataset.classes,
        dataset.notes,
        num_targets=dataset.num_outputs if dataset.task == "regression" else 1,
        has_tokens=dataset.has_tokens,
        streamed_only=streamed_only,
    )
