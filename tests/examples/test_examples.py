"""The projects in examples/: every command of their READMEs runs, in a copy of the folder."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documented_commands import command_words, documented_commands, run_nnlab

FOLDER = Path(__file__).resolve().parents[2] / "examples"
READMES = sorted(FOLDER.glob("*/README.md"))


def copy_project(project: Path, target: Path) -> None:
    """Copies the files that are not ignored: a user may have run the example where it lies."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(project / name, target / name)


def test_every_folder_has_a_readme_with_commands() -> None:
    folders = sorted(
        path for path in FOLDER.iterdir() if path.is_dir() and path.name[0] not in "._"
    )
    assert [readme.parent for readme in READMES] == folders
    index = (FOLDER / "README.md").read_text(encoding="utf-8")
    for readme in READMES:
        assert f"({readme.parent.name}/README.md)" in index


@pytest.mark.parametrize("readme", READMES, ids=lambda readme: readme.parent.name)
def test_every_command_of_an_example_runs(
    readme: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    copy_project(readme.parent, tmp_path)
    monkeypatch.chdir(tmp_path)
    lines = list(documented_commands(tmp_path / "README.md"))
    assert lines
    for line in lines:
        words = command_words(line)
        if words[0] == "nnlab":
            run_nnlab(line, lambda: capsys.readouterr().err)
        else:
            assert words[0] == "python", line
            script = subprocess.run([sys.executable, *words[1:]], capture_output=True, text=True)
            assert script.returncode == 0, f"{line}\n{script.stderr}"
