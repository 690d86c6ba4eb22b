"""Test suites that plugin authors inherit in their own tests; they need `nnlab[testing]`.

nnlab's own choices, rules, figures and launchers pass the same suites. docs/extending.md shows how
they are used. The plugin must be installed, for example with `pip install --editable .`.
"""

import pytest

# Before the suites are imported, so that a failed assertion shows the values in it.
pytest.register_assert_rewrite(
    *(
        f"nnlab.testing.{module}"
        for module in (
            "choices",
            "data",
            "figure_text",
            "figures",
            "launcher_runs",
            "launchers",
            "models",
            "optimizers",
            "rules",
            "schedules",
        )
    )
)

from nnlab.testing.choices import ChoiceContract  # noqa: E402  after register_assert_rewrite
from nnlab.testing.data import DataContract  # noqa: E402
from nnlab.testing.figures import FigureContract  # noqa: E402
from nnlab.testing.launchers import AttachedLauncherContract, LauncherContract  # noqa: E402
from nnlab.testing.models import ModelContract  # noqa: E402
from nnlab.testing.optimizers import OptimizerContract  # noqa: E402
from nnlab.testing.rules import RuleContract  # noqa: E402
from nnlab.testing.schedules import ScheduleContract  # noqa: E402

__all__ = [
    "AttachedLauncherContract",
    "ChoiceContract",
    "DataContract",
    "FigureContract",
    "LauncherContract",
    "ModelContract",
    "OptimizerContract",
    "RuleContract",
    "ScheduleContract",
]
