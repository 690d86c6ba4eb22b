"""What docs/python.md says is true: its examples run, in order, as one program."""

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

import pytest

import nnlab as api

PAGE = Path(__file__).resolve().parents[2] / "docs/python.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_examples_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if importlib.util.find_spec("pandas") is None:
        # pandas is no dependency: a stub accepts what the page does with data frames.
        module: Any = ModuleType("pandas")
        module.DataFrame = MagicMock()
        monkeypatch.setitem(sys.modules, "pandas", module)
    namespace: dict[str, Any] = {}
    for example in EXAMPLES:
        exec(compile(example, str(PAGE), "exec"), namespace)
    printed = capsys.readouterr().out
    assert "12 runs in study 'rate' of runs.db" in printed
    assert "did you mean opt" in printed
    for name in ("run.pdf", "runs.pdf"):
        assert (folder / name).read_bytes().startswith(b"%PDF")


def test_every_public_name_is_on_the_page() -> None:
    page = PAGE.read_text()
    for name in api.__all__:
        assert f"nnlab.{name}" in page
    for method in ("studies", "runs", "run", "history", "compare", "findings"):
        assert f"`{method}(" in page


def test_the_examples_of_recording_run(folder: Path) -> None:
    page = PAGE.with_name("your-script.md").read_text()
    section = page.partition("## Record your own loop")[2].partition("\n## ")[0]
    examples = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(compile(example, "your-script.md", "exec"), {})
    with api.open() as results:
        assert [run.status for run in results.runs()] == ["finished", "finished"]
