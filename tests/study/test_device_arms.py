"""Arms with `requires = "cuda"` exist where a GPU is, and are left out with a note elsewhere."""

from collections.abc import Callable
from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab import store
from nnlab.engine import device
from nnlab.engine.device import DeviceInfo
from nnlab.errors import ConfigError
from nnlab.store.rows import arms_to_json, parse_arms
from nnlab.study import builtin
from nnlab.study.request import TrainRequest, merge_config_file
from nnlab.study.spec import StudySpec, build_study_spec
