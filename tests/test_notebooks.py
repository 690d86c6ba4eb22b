"""The notebooks of docs/notebooks run from their first cell to the last, in an empty folder."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
# What the outputs of each notebook must contain; numbers depend on the machine.
SHOWN = {
    "first-hour": (
        "3 trials by val/accuracy",
        "image/png",
        "NN101",
        "optimizer.zero_grad()",
        "tensor([0, 1, 2, 3, 4])",
    ),
    "a-claim": ("Writing inputs.toml", "verdict: supported", "text/markdown"),
    "your-own-model": (
        "4 trials by val/accuracy",
        "model.py:Residual",
        "one output per class",
        "image/png",
    ),
}


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


@pytest.fixture
def kernel_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder; the kernel is this Python, and `!nnlab` this nnlab."""
    scripts = Path(sys.executable).parent
    monkeypatch.setenv("PATH", f"{scripts}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.mark.filterwarnings("default")  # those of jupyter's own packages
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, kernel_folder: Path) -> None:
    notebook = read(path)
    place = {"metadata": {"path": str(kernel_folder)}}
    client = NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place)
    client.execute()
    outputs = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.get("name") != "stderr"
    ]
    shown = json.dumps(outputs)
    for text in SHOWN[path.stem]:
        assert text in shown, text
    assert (kernel_folder / "runs.db").exists()


def test_every_notebook_has_its_expectations() -> None:
    assert {path.stem for path in NOTEBOOKS} == SHOWN.keys()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_outputs(path: Path) -> None:
    """So that a change of a notebook is a change of its text."""
    notebook = read(path)
    nbformat.validate(notebook)
    assert notebook.cells[0].source.startswith("# ")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
