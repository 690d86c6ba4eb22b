"""The page of the built-in studies: its tables, the reference results, and studies that fail."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from command_line_runner import Nnlab

from nnlab.study.reference_results import reference_results

STUDY = """
study = "lecture/tiny"
question = "Does longer training pay?"
claim = "Twelve epochs beat one."
data = "iris"
width = 8
depth = 1
seeds = "100..104:5"

[[arm]]
name = "short"
epochs = 1

[[arm]]
name = "long"
epochs = 12

[[decide]]
says = "long ends lower"
metric = "train/loss"
at = "last"
higher = "short"
lower = "long"
expected = 0.3
expected_from = "the smallest effect that matters"
pilot_sd = 0.1

[[published]]
result = "reports that longer training helps"
source = "A paper, table 1"
verdict = "mixed"
"""


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """docs/build_studies.py, which writes into a temporary folder and knows one study."""
    path = Path(__file__).parent.parent / "docs/build_studies.py"
    spec = importlib.util.spec_from_file_location("build_studies", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "build_studies", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAGE", tmp_path / "studies.md")
    monkeypatch.setattr(module, "PICTURES", tmp_path / "images")
    monkeypatch.setattr(module, "REFERENCE_RESULTS", tmp_path / "results.json")
    monkeypatch.setattr(module.builtin, "builtin_study_names", lambda: ("lecture/tiny",))
    return module


def test_the_page_has_our_verdict_beside_the_published_ones(
    nnlab: Nnlab, folder: Path, script: ModuleType
) -> None:
    (folder / "tiny.toml").write_text(STUDY)
    nnlab("train", "--study", "lecture/tiny", "--config", "tiny.toml", "-q", "--no-keep-models")
    assert script.write_page(folder / "runs.db", 65.0) == {}
    page = script.PAGE.read_text()
    assert "| [lecture/tiny](#lecturetiny) | supported | mixed (A paper, table 1) | 5 | 10 |" in (
        page
    )
    assert "5 seeds find +0.3 with probability" in page
    assert "all were trained in 1:05 min" in page
    assert (script.PICTURES / "tiny-curves.png").exists()
    (result,) = reference_results(script.REFERENCE_RESULTS).values()
    assert (result.verdict, result.seeds, result.runs) == ("supported", 5, 10)
    (comparison,) = result.comparisons
    assert (comparison.says, comparison.verdict, comparison.n) == (
        *("long ends lower", "supported", 5),
    )
    assert "Trained on" not in json.loads(script.REFERENCE_RESULTS.read_text())["trained_on"]


def test_a_study_without_results_is_named_and_the_page_is_written(
    nnlab: Nnlab, folder: Path, script: ModuleType
) -> None:
    (folder / "tiny.toml").write_text(STUDY)
    nnlab("init-study", "lecture/tiny", "--config", "tiny.toml")
    missing = script.write_page(folder / "runs.db", 0.0)
    assert missing == {"lecture/tiny": "ValueError: some of its runs have no result"}
    assert script.PAGE.exists()
    assert reference_results(script.REFERENCE_RESULTS) == {}


def test_a_study_that_fails_to_train_is_reported(
    folder: Path, script: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    (result,) = script.train_studies(["lecture/unknown"], folder / "runs.db")
    assert "there is no database" in result.error
    assert "1/1 lecture/unknown failed in" in capsys.readouterr().out
