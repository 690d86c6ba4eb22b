"""Grouping of samples into batches of bounded size."""

from collections.abc import Iterable, Iterator

from nnlab.exchange.log_reader import SAMPLES_PER_BATCH, SampleBatch
from nnlab.records import Sample


def batches_of(samples: Iterable[Sample]) -> Iterator[SampleBatch]:
    """Batches of at most `SAMPLES_PER_BATCH` samples, in order."""
    batch: list[Sample] = []
    for sample in samples:
        batch.append(sample)
        if len(batch) >= SAMPLES_PER_BATCH:
            yield SampleBatch(batch)
            batch = []
    if batch:
        yield SampleBatch(batch)
