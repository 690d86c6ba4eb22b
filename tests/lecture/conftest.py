"""Three lines of a lecture, and a course of them with quickly trained studies."""

from pathlib import Path

import pytest
from course_pages import BuiltCourse

from nnlab.cli.main import main
from nnlab.lecture import read_lines

LINES = Path(__file__).parent / "lines"


@pytest.fixture
def lines_folder(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the lines of these tests, in place of those of the package."""
    monkeypatch.setattr(read_lines, "LINES_FOLDER", LINES)
    return LINES


@pytest.fixture(scope="session")
def built_course(tmp_path_factory: pytest.TempPathFactory) -> BuiltCourse:
    """A course whose studies were trained for one epoch, with five seeds."""
    folder = tmp_path_factory.mktemp("course")
    course = BuiltCourse(folder / "pages", folder / "runs.db")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_lines, "LINES_FOLDER", LINES)
        patch.setenv("NNLAB_DEVICES", "cpu:1")
        short = ("--epochs", "1", "--seeds", "5", "--db", str(course.db))
        assert main(["init-study", "--from", "lecture/reduction", *short]) == 0
        assert main(["init-study", "--from", "lecture/relu", "--lr", "0.1", *short]) == 0
        words = ["lecture", "--all", "-o", str(course.folder), "--db", str(course.db)]
        assert main(words) == 0
    return course
