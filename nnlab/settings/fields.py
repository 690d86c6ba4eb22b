"""RunConfig: the configuration of one run, from which options, TOML keys and settings are made.

A field whose default is None takes its default from the catalogue row that it belongs to (`lr`
from the optimizer, `width` from the model). If no selected row defines the field, it stays None:
it has no effect in that configuration.
"""

from dataclasses import dataclass
from typing import Annotated

from nnlab.settings.arguments import Arguments
from nnlab.settings.field_groups.augmentation import AugmentationFields
from nnlab.settings.field_groups.data import DataFields
from nnlab.settings.field_groups.execution import ExecutionFields
from nnlab.settings.field_groups.loss import LossFields
from nnlab.settings.field_groups.model import ModelFields
from nnlab.settings.field_groups.optimizer import OptimizerFields
from nnlab.settings.field_groups.schedule import ScheduleFields
from nnlab.settings.field_groups.transfer import TransferFields


# A dataclass collects the fields of its bases from the last to the first, so the groups are listed
# in reverse: data comes first on the help page, and a field after the field that it belongs to.
@dataclass(frozen=True, kw_only=True)
class RunConfig(
    ExecutionFields,
    ScheduleFields,
    OptimizerFields,
    LossFields,
    TransferFields,
    ModelFields,
    AugmentationFields,
    DataFields,
):
    """One run: a setting and a seed. `resolve` creates it and fills in the open defaults."""

    # A setting has one key for each of them, such as `model.width`.
    arguments: Annotated[Arguments, "arguments of user code, sorted pairs of key and value"] = ()
