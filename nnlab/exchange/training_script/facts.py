"""`ScriptFacts`: what the parts of a training script need to know besides the config."""

from dataclasses import dataclass, replace

from nnlab.catalogue import Task
from nnlab.engine.batches import batch_bounds
from nnlab.errors import ConfigError
from nnlab.settings import RunConfig
from nnlab.settings.class_selection import class_indices


@dataclass(frozen=True, slots=True)
class ScriptFacts:
    """The data of a resolved config: shapes and counts; the data itself is read by the script.

    `classes` are the kept classes of the data set, None without `--classes`. `batches` are the
    bounds of the batches of an epoch.
    """

    task: Task
    in_shape: tuple[int, ...]
    num_outputs: int
    num_train: int
    batches: tuple[tuple[int, int], ...]
    classes: tuple[int, ...] | None

    @property
    def is_image(self) -> bool:
        """Whether the examples are images [channels, height, width]."""
        return len(self.in_shape) == 3


def read_script_facts(config: RunConfig) -> ScriptFacts:
    """Reads the data set of a resolved config.

    Raises:
        ConfigError: a feature is constant in the training split; nnlab does not scale it.
        DataError: the data set cannot be used.
    """
    # Imported only here: the list of export formats must not wait for numpy and torch.
    import numpy as np

    from nnlab.engine.data import read_dataset
    from nnlab.engine.data.split_dataset import read_and_split

    split = read_and_split(config)
    examples = split.dataset.examples[split.rows.train]
    axes = (0, *range(2, examples.ndim))
    if config.inputs != "none" and not np.ptp(examples, axis=axes).all():
        raise ConfigError(
            [f"a plain script cannot express --inputs {config.inputs} of a constant feature"],
            hint="a larger --train-size, or --inputs none",
        )
    names = read_dataset(replace(config, classes=None)).classes
    size = config.batch_size if isinstance(config.batch_size, int) else len(examples)
    return ScriptFacts(
        split.dataset.task,
        split.dataset.in_shape,
        split.dataset.num_outputs,
        len(examples),
        batch_bounds(len(examples), size),
        None if config.classes is None else class_indices(config.classes, names),
    )
