"""`nnlab verify` for runs of scripts: what differs between executions, and where resumes join."""

from pathlib import Path
from typing import Any

import flag_scripts
import pytest
from command_line_runner import Nnlab

SCRIPT = flag_scripts.FOLDER / "momentum.py"


@pytest.fixture
def script(folder: Path) -> Path:
    """The script in the working folder."""
    path = folder / "momentum.py"
    path.write_text(SCRIPT.read_text())
    return path


def _verify(nnlab: Nnlab, *words: str, expect: int = 0) -> Any:
    (result,) = nnlab("verify", "1", *words, "--format", "json", expect=expect).json
    return result


def test_a_deterministic_script(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script), "--lr", "0.02")
    result = _verify(nnlab, "--steps", "30")
    assert (result["holds"], result["first"], result["problem"]) == (True, None, None)
    assert result["values"] == 30
    assert result["stored"] == {"values": 30, "first": None}
    text = nnlab("verify", "1").out
    assert "run 1  two executions are the same to the last bit: 50 values" in text
    assert "run 1  they are the same as the stored run: 50 values" in text


def test_unseeded_random_numbers(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script), "--unseeded")
    result = _verify(nnlab, expect=1)
    assert result["holds"] is False
    first = result["first"]
    assert (first["what"], first["step"]) == ("train/loss", 0)
    assert first["first"] != first["second"]
    text = nnlab("verify", "1", expect=1).out
    assert "run 1  two executions differ at step 0: train/loss is " in text
    assert nnlab("verify", "1", "--tolerance", "1").out


def test_a_resume_that_restores_everything(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script), "--die-at", "50")
    result = _verify(nnlab)
    (resume,) = result["resumes"]
    assert (resume["step"], resume["last_step"], resume["repeated"]) == (40, 50, 11)
    assert (resume["joins"], result["holds"]) == (True, True)
    text = nnlab("verify", "1").out
    assert "run 1  resumed at step 40: the curves join, 11 repeated values are equal" in text


def test_a_resume_that_does_not_restore_the_optimizer(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script), "--die-at", "50", "--lose-state")
    result = _verify(nnlab, expect=1)
    (resume,) = result["resumes"]
    assert resume["joins"] is False
    assert (resume["first"]["what"], resume["first"]["step"]) == ("train/loss", 40)
    text = nnlab("verify", "1", expect=1).out
    assert "resumed at step 40: the curves do not join at step 40: train/loss is " in text
    assert "a checkpoint needs the weights, the optimizer" in text


def test_a_resume_without_repeated_steps(nnlab: Nnlab, script: Path) -> None:
    words = ("-q", str(script), "--fail-at", "39", "--lose-state")
    nnlab("run", *words, expect=1)
    nnlab("run", "--retry", "failed", *words)
    script.write_text(script.read_text().replace("options.fail_at == step", "False"))
    result = _verify(nnlab, expect=1)
    (resume,) = result["resumes"]
    assert (resume["step"], resume["repeated"], resume["joins"]) == (40, 0, None)
    assert (result["first"], result["stored"]["first"]["step"]) == (None, 40)
    text = nnlab("verify", "1", expect=1).out
    assert "they differ from the stored run at step 40: train/loss is " in text
    assert "no step was repeated, but the values at step 40 and after it are not those of" in text
    script.write_text(script.read_text().replace("not options.lose_state", "True"))
    few = nnlab("verify", "1", "--steps", "30").out
    assert "resumed at step 40: no step before it was logged again (the last one was 39)" in few


def test_files_in_the_working_folder_are_neither_used_nor_changed(
    nnlab: Nnlab, script: Path, folder: Path
) -> None:
    nnlab("run", "-q", str(script), "--local", "--steps", "60")
    saved = (folder / "last.json").read_bytes()
    result = _verify(nnlab)
    assert result["stored"] == {"values": 50, "first": None}
    assert (folder / "last.json").read_bytes() == saved


def test_changed_code_is_named(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script))
    script.write_text(script.read_text().replace("5.0, 0.0, 0", "5.5, 0.0, 0"))
    result = _verify(nnlab, expect=1)
    assert result["first"] is None
    assert result["stored"]["first"]["step"] == 0
    assert len(result["code"]) == 2
    text = nnlab("verify", "1", expect=1).out
    assert "run 1  they differ from the stored run at step 0: train/loss is " in text
    assert "since then: the code has changed (version " in text


def test_runs_that_cannot_be_compared(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script), "--silent")
    result = _verify(nnlab, expect=1)
    assert result["problem"].startswith("it has logged no metric")
    nnlab("run", "-q", str(script), "--fail-at", "10", expect=1)
    (failed,) = nnlab("verify", "2", "--format", "json", expect=1).json
    assert failed["problem"] == "the script fails: ValueError: the loss is wrong"
    error = nnlab("verify", "1", "--time-limit", "soon", expect=2).err
    assert "--time-limit soon: not a duration such as 90s or 5min" in error


def test_absolute_paths_in_the_working_folder_lead_to_the_copy(
    nnlab: Nnlab, script: Path, folder: Path
) -> None:
    text = (
        script.read_text()
        .replace(
            '"--steps", type=int', '"--out", type=Path)\nparser.add_argument("--steps", type=int'
        )
        .replace("Path() if options.local", "options.out if options.local")
    )
    script.write_text(text)
    (folder / "out").mkdir()
    nnlab("run", "-q", str(script), "--local", "--out", str(folder / "out"))
    saved = (folder / "out" / "last.json").read_bytes()
    assert _verify(nnlab)["holds"] is True
    assert (folder / "out" / "last.json").read_bytes() == saved


def test_a_script_that_is_gone(nnlab: Nnlab, script: Path) -> None:
    nnlab("run", "-q", str(script))
    script.unlink()
    assert _verify(nnlab, expect=1)["problem"].startswith(f"cannot read '{script}'")


def test_runs_of_both_kinds(nnlab: Nnlab, script: Path) -> None:
    nnlab("train", "--data", "iris", "--width", "8", "--depth", "1", "--epochs", "2", "-q")
    nnlab("run", "-q", str(script))
    results = nnlab("verify", "1", "2", "--format", "json").json
    assert [result["run"] for result in results] == [1, 2]
    assert all(result["holds"] for result in results)


def test_runs_that_write_the_same_log_file(nnlab: Nnlab, folder: Path) -> None:
    (folder / "logged.py").write_text(
        "import argparse, pathlib\n"
        "parser = argparse.ArgumentParser()\n"
        "parser.add_argument('--lr', type=float)\n"
        "lr = parser.parse_args().lr\n"
        "pathlib.Path('logs').mkdir(exist_ok=True)\n"
        "rows = [f'{step},{lr / (step + 1)}' for step in range(30)]\n"
        "pathlib.Path('logs/metrics.csv').write_text('\\n'.join(['step,val/loss', *rows, '']))\n"
    )
    nnlab("run", "--quiet", "--metrics", "logs", "logged.py", "--lr", "1,2,3")
    rows = nnlab("ls", "--format", "json").json
    assert sorted(row["best"] for row in rows) == pytest.approx([1 / 30, 2 / 30, 3 / 30])
    assert _verify(nnlab)["stored"] == {"values": 30, "first": None}
