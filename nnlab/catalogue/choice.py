"""`Choice`, the row type of all catalogue tables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from nnlab.objective import Scalar

# The kinds of targets; `nnlab.engine.targets` has a file for each.
Task = Literal[
    "classification",
    "regression",
    "multilabel",
    "token_classification",
    "language_modeling",
    "segmentation",
    "reconstruction",
    "unsupervised",
    "custom",
]
ALL_TASKS: tuple[Task, ...] = get_args(Task)
# The kinds whose targets are one class per position: per token or per pixel.
DENSE_TASKS: tuple[Task, ...] = ("token_classification", "language_modeling", "segmentation")


@dataclass(frozen=True, slots=True)
class Choice:
    """One available choice, for example an optimizer.

    `summary` is a one-line description. `source` is a paper, an equation or the origin of a data
    set. `defaults` are the options that apply to this choice, with their default values; setting
    an option that applies to none of the chosen rows is an error. `tasks` are the supported tasks.
    `earlier_values` are the values of options in settings that were stored before the option
    existed, where its default is another value today; see docs/decisions/0021.
    `display_name` is its name in figures and tables for readers; the name itself if it is empty.
    """

    name: str
    summary: str
    source: str = ""
    defaults: Mapping[str, Scalar] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ("classification", "regression")
    display_name: str = ""
    earlier_values: Mapping[str, Scalar] = field(default_factory=dict)
