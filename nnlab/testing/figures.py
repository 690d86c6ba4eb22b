"""`FigureContract`: a figure is readable, repeatable, and does not change the database."""

import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from nnlab import store
from nnlab.cli.main import main
from nnlab.errors import UnknownName
from nnlab.figures import prepare_figure
from nnlab.figures.check import FigureState, check_figure
from nnlab.figures.draw.save import render_figure
from nnlab.figures.output import collect_figure, save_figure_files
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import FigureRequest
from nnlab.testing.figure_text import assert_readable

STUDY = "contract"


class FigureContract:
    """A kind of figure of `nnlab plot`; set `kind` to its name.

    It is drawn for a study of two learning rates with three seeds each.

    Attributes:
        kind: the kind; a test class may define the fixture `figure_kind` instead.
        options: options of the figure.
        training: options of `nnlab train` for the study.
    """

    kind: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Any]] = {}
    training: ClassVar[tuple[str, ...]] = ("--data", "iris", "--width", "4", "--epochs", "4")

    @pytest.fixture
    def figure_kind(self) -> str:
        """The kind of figure that is tested."""
        return self.kind

    @pytest.fixture(scope="class")
    @classmethod
    def database_file(cls, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """The database with the study."""
        path = tmp_path_factory.mktemp("figures") / "runs.db"
        words = ("--study", STUDY, "--lr", "0.01,0.1", "--seeds", "3", "--devices", "cpu:1")
        assert main(["train", *words, *cls.training, "-q", "--db", str(path)]) == 0
        return path

    @pytest.fixture
    def database(self, database_file: Path) -> Iterator[store.Database]:
        """The database with the study, open for reading."""
        database = store.open_database(str(database_file), write=False)
        yield database
        database.close()

    def prepare(self, database: store.Database, kind: str) -> PreparedFigure:
        """What the figure of the study shows."""
        return prepare_figure(database, kind, (STUDY,), self.options)

    def test_it_shows_runs_and_numbers(self, database: store.Database, figure_kind: str) -> None:
        """The provenance of the figure contains the runs and a hash of the numbers."""
        figure = self.prepare(database, figure_kind)
        known = {run.id for run in store.runs(database)}
        assert figure.runs
        assert set(figure.runs) <= known
        assert figure.table.rows
        assert all(len(row) == len(figure.table.columns) for row in figure.table.rows)
        assert figure.summary.strip()

    def test_its_text_is_readable(self, database: store.Database, figure_kind: str) -> None:
        """No text leaves the figure or covers another one."""
        assert_readable(self.prepare(database, figure_kind).draw(), least=1)

    @pytest.mark.parametrize("suffix", ["png", "svg"])
    def test_it_is_the_same_when_it_is_drawn_again(
        self, database: store.Database, figure_kind: str, suffix: str
    ) -> None:
        """The same numbers, and the same bytes of the file."""
        first, second = (self.prepare(database, figure_kind) for _ in range(2))
        assert first.table.sha256 == second.table.sha256
        assert render_figure(first.draw(), suffix, {}) == render_figure(second.draw(), suffix, {})

    def test_it_does_not_change_the_database(self, database_file: Path, figure_kind: str) -> None:
        """`prepare` only reads."""
        before = hashlib.sha256(database_file.read_bytes()).hexdigest()
        database = store.open_database(str(database_file), write=False)
        self.prepare(database, figure_kind).draw()
        database.close()
        assert hashlib.sha256(database_file.read_bytes()).hexdigest() == before

    def test_its_file_can_be_checked(
        self, database: store.Database, figure_kind: str, tmp_path: Path
    ) -> None:
        """`nnlab plot --check FILE` prepares it again from the options in the file."""
        request = FigureRequest(figure_kind, (STUDY,), self.options)
        figure = collect_figure(database, request)
        path = tmp_path / "figure.svg"
        save_figure_files(figure.prepared.draw(), figure, [path], data=False)
        result = check_figure(database, path)
        assert result is not None
        assert result.state is FigureState.FRESH, result.reason

    def test_an_unknown_study_is_reported(self, database: store.Database, figure_kind: str) -> None:
        """With the error that all commands have for it."""
        with pytest.raises(UnknownName):
            prepare_figure(database, figure_kind, ("no-such-study",), self.options)
