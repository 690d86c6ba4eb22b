"""What every test may lean on."""

import os

import pytest
from hypothesis import settings

# The same examples every time: a test that fails on Tuesdays is no test.
settings.register_profile("fixed", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests changes what they see."""
    for name in ("NNLAB_DB", "NNLAB_DEBUG", "COLUMNS", "NO_COLOR", "FORCE_COLOR", "PY_COLORS"):
        monkeypatch.delenv(name, raising=False)
    os.environ.pop("GITHUB_ACTIONS", None)
