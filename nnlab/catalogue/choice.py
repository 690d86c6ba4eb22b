"""The row of every catalogue table."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nnlab.objective import Scalar

Task = Literal["classification", "regression"]


@dataclass(frozen=True, slots=True)
class Choice:
    """One thing that can be chosen.

    `defaults` maps the options that matter with this choice to their default here; an option
    that no chosen row names does nothing and is refused. `tasks` are the tasks it fits.
    `source` is a paper, an equation or the origin of a data set.
    """

    name: str
    summary: str
    source: str = ""
    defaults: Mapping[str, Scalar] = field(default_factory=dict)
    tasks: tuple[Task, ...] = ("classification", "regression")
