"""`plot norm`: the numbers of means, the marked values, and the statistics."""

from typing import Any

import pytest
from command_line_runner import Nnlab
from figure_checks import assert_plain_text, assert_readable
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from nnlab.errors import UsageError
from nnlab.figures.draw.paper import Paper, color, use_paper
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.norm import prepare_norm
from nnlab.figures.prepared_figure import PreparedFigure


@pytest.fixture(scope="module")
def prepared() -> PreparedFigure:
    return prepare_norm(None, (), batch_size=16)


def marked_cells(figure: Figure, row: int) -> int:
    faces = [patch for patch in figure.axes[3 * row].patches if isinstance(patch, Polygon)]
    return sum(same_color(face.get_facecolor(), color(0)) for face in faces)


def test_the_numbers_of_means_are_written(prepared: PreparedFigure) -> None:
    texts = [note.partition(",")[0] for note in prepared.notes[:4]]
    assert texts == [
        "Batch norm: 8 means (C) and as many variances",
        "Layer norm: 16 means (N) and as many variances",
        "Instance norm: 128 means (N \N{MULTIPLICATION SIGN} C) and as many variances",
        "Group norm: 32 means (N \N{MULTIPLICATION SIGN} G) and as many variances",
    ]


def test_the_marked_faces_are_those_that_share_a_mean(prepared: PreparedFigure) -> None:
    figure = prepared.draw()
    # Front 8 x 4, top 8 x 5 and right side 5 x 4 of a block of 5 examples, 8 channels, 4 positions.
    batch = 4 + 5 + 5 * 4
    layer = 8 * 4 + 8 + 4
    instance = 4 + 1 + 4
    group = 4 * 4 + 4 + 4
    assert [marked_cells(figure, row) for row in range(4)] == [batch, layer, instance, group]


def test_batch_norm_gives_each_channel_mean_0_and_sd_1(prepared: PreparedFigure) -> None:
    assert prepared.table.columns[:3] == ("norm", "of", "number")
    rows = [row for row in prepared.table.rows if row[:2] == ("batch", "channel")]
    assert len(rows) == 8
    for row in rows:
        assert row[5] == 0.0
        assert row[6] == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("venue", [None, "icml", "acl", "poster"])
def test_its_texts_are_readable(prepared: PreparedFigure, venue: str | None) -> None:
    with use_paper(paper_for_venue(venue) if venue else Paper(style="dark")):
        figure = prepared.draw()
        assert_plain_text(figure)
        assert_readable(figure, least=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 3}, "--groups 3 does not divide the 8 channels"),
        ({"channels": 0}, "--channels 0: from 1 to 512"),
        ({"batch_size": 0}, "--batch-size 0: 1 or more"),
    ],
)
def test_invalid_numbers_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        prepare_norm(None, (), **options)


def test_it_needs_no_database(nnlab: Nnlab) -> None:
    answer = nnlab("plot", "norm", "--batch-size", "4", "-o", "norm.svg")
    assert answer.out.startswith("norm.svg: 8 channels of 4 examples of digits")
    assert "needs images" in nnlab("plot", "norm", "--data", "iris", expect=1).err
