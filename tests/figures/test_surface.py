"""`plot surface`: lines, labels, outcomes, animations and the HTML page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from command_line_runner import QUICK, Nnlab
from figure_checks import assert_plain_text, assert_readable, xs, ys
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from nnlab.errors import ConfigError, UnknownName, UsageError
from nnlab.figures.draw.paper import Paper, use_paper
from nnlab.figures.draw.venues import paper_for_venue
from nnlab.figures.kinds.surface import prepare_surface
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.io.file_origin import read_figure_provenance


def prepared(on: str = "quadratic", steps: int | None = 20, **options: Any) -> PreparedFigure:
    names = ("noise", "seed", "start")
    rest = {name: options.pop(name) for name in names if name in options}
    return prepare_surface(None, (), on=on, steps=steps, settings=options, **rest)


def paths(figure: Figure, panel: int = 0) -> list[Line2D]:
    return [line for line in figure.axes[panel].lines if str(line.get_label()).startswith("_trial")]


def legend_texts(figure: Figure) -> list[str]:
    return [text.get_text() for legend in figure.findobj() for text in _texts(legend)]


def _texts(artist: object) -> list[Any]:
    return list(artist.get_texts()) if hasattr(artist, "get_texts") else []


def test_lines_are_the_points_and_the_losses_above_the_minimum() -> None:
    figure = prepared(opt="sgd,adam", lr="0.1").draw()
    (sgd, adam), (loss, _) = paths(figure), paths(figure, 1)
    assert xs(sgd)[:3] == pytest.approx((-1.8, -1.62, -1.458))
    assert ys(sgd)[:2] == pytest.approx((0.9, 0.54))
    assert len(xs(adam)) == 21
    assert xs(loss) == tuple(range(21))
    assert ys(loss)[0] == pytest.approx((1.8**2 + 4 * 0.9**2) / 2)
    assert figure.axes[1].get_yscale() == "log"


def test_titles_have_condition_numbers_or_the_curvatures_of_a_saddle() -> None:
    figure = prepared("rosenbrock,saddle,ravine", 2, opt="sgd").draw()
    assert [ax.get_title() for ax in figure.axes[::2]] == [
        "Rosenbrock, condition number 2,508",
        "Saddle, curvatures \N{MINUS SIGN}1 and 1",
        "Ravine, condition number 100",
    ]


def test_the_default_optimizers_have_rates_of_the_surface_in_their_labels() -> None:
    texts = legend_texts(prepared("rosenbrock", 5).draw())
    assert "SGD, lr 0.001" in texts
    assert "SGD with momentum, lr 0.0003" in texts
    assert "L-BFGS" in texts
    assert {"start", "minimum"} <= set(texts)


def test_rates_can_be_given_for_each_optimizer() -> None:
    figure = prepared(opt="sgd,adam,lbfgs", lr="sgd=0.2,adam=0.5").draw()
    assert {"SGD, lr 0.2", "Adam, lr 0.5", "L-BFGS"} <= set(legend_texts(figure))


def test_the_outcomes_are_named() -> None:
    notes = prepared("minima", None, opt="sgd,momentum").notes
    assert re.fullmatch(
        r"Two minima: reached a global minimum: SGD with momentum, lr 0.009 \(after \d+ .*\)",
        notes[0],
    )
    assert "stopped at a local minimum: SGD, lr 0.03" in notes[1]
    (note,) = prepared("saddle", 300, opt="sgd", start="-1.6,0").notes
    assert "stopped at a saddle point" in note


def test_a_diverging_path_is_cut_off_marked_and_named() -> None:
    result = prepared("ravine", 200, opt="sgd", lr="0.05,0.21,1000")
    figure = result.draw()
    (left, right), (low, high) = figure.axes[0].get_xlim(), figure.axes[0].get_ylim()
    for line in paths(figure)[1:]:
        points = list(zip(xs(line), ys(line), strict=True))
        assert all(left <= x <= right and low <= y <= high for x, y in points[:-1])
    assert "diverged" in legend_texts(figure)
    assert sum(line.get_marker() == "x" for line in figure.axes[0].lines) == 2
    assert any("diverged: lr 0.21" in note for note in result.notes)
    assert_readable(figure, least=1)


@pytest.mark.parametrize("venue", [None, "icml", "acl", "poster", "beamer"])
def test_its_texts_are_readable(venue: str | None) -> None:
    with use_paper(paper_for_venue(venue) if venue else Paper(style="dark")):
        figure = prepared("saddle,minima,himmelblau", 30).draw()
        assert_plain_text(figure)
        assert_readable(figure, least=1)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"on": "nowhere"}, UnknownName, "unknown surface 'nowhere'"),
        ({"opt": "muon"}, UsageError, "orthogonalises matrices"),
        ({"opt": "sgd", "decay": "plateau"}, UsageError, "needs a validation loss"),
        ({"opt": "nothing"}, ConfigError, "unknown optimizer"),
        ({"opt": "sgd", "lr": "sgd=much"}, UsageError, "needs OPTIMIZER=RATE"),
        ({"opt": "sgd", "lr": "adam=0.1"}, UsageError, "--lr adam=...: no such optimizer"),
        ({"opt": "sgd", "lr": ",".join(f"0.{n}" for n in range(10, 30))}, UsageError, "at most 12"),
        ({"steps": 10**9}, UsageError, "from 1 to 20,000"),
        ({"start": "1"}, UsageError, "needs X,Y"),
        ({"start": "1,nan"}, UsageError, "needs X,Y"),
        ({"start": "1e300,1"}, UsageError, "--start 1e[+]300,1: too far from the drawn area"),
        ({"noise": float("nan")}, UsageError, "--noise nan"),
    ],
)
def test_invalid_requests_are_refused(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        prepared(**options)


def test_frames_end_with_the_whole_paths() -> None:
    result = prepared(opt="sgd,lbfgs")
    assert result.frames is not None
    lengths = [len(xs(paths(frame)[0])) for frame in result.frames()]
    assert lengths == sorted(lengths)
    assert (lengths[0], lengths[-1]) == (1, 21)


def test_it_is_drawn_animated_and_checked_in_an_empty_folder(nnlab: Nnlab, folder: Path) -> None:
    words = ("plot", "surface", "--opt", "sgd,adam", "--on", "saddle", "--steps", "20")
    text = nnlab(*words).out
    assert "SGD, lr 0.1" in text
    assert "Gradient evaluations" in text
    nnlab(*words, "-o", "s.gif", "-o", "s.html", "-o", "s.png", "--data", "--caption")
    with Image.open(folder / "s.gif") as image:
        assert getattr(image, "n_frames", 1) > 5
    assert (folder / "s.csv").read_text().startswith("surface,path,lr,step,gradients,x,y,loss")
    assert "eigenvalues" in (folder / "s.caption.tex").read_text()
    first = (folder / "s.html").read_bytes()
    nnlab(*words, "-o", "s.html")
    assert (folder / "s.html").read_bytes() == first
    nnlab("train", *QUICK, "-q")  # `figures` needs a database
    states = {row["file"]: row["state"] for row in nnlab("figures", "--format", "json").json}
    assert states == {"s.gif": "fresh", "s.html": "fresh", "s.png": "fresh"}
    nnlab("plot", "curves", "-o", "s.html", expect=2)


def test_the_page_is_self_contained_and_has_all_points(nnlab: Nnlab, folder: Path) -> None:
    nnlab("plot", "surface", "--opt", "sgd,lbfgs", "--on", "quadratic,minima", "-o", "s.html")
    page = (folder / "s.html").read_text()
    assert not re.search(r"(src|href)=[\"'](?!#)", page)
    assert "default-src 'none'" in page
    assert page.count('type="range"') == page.count("<section") == 2
    found = re.search(r'id="data">(.*?)</script>', page)
    assert found
    data = json.loads(found[1])
    sgd, lbfgs = data[0]["paths"]
    assert sgd["label"] == "SGD, lr 0.1"
    assert len(sgd["places"]) == len(sgd["losses"]) == len(sgd["gradients"]) == 81
    assert lbfgs["gradients"][-1] < 80
    provenance = read_figure_provenance(folder / "s.html")
    assert provenance is not None
    assert provenance["kind"] == "surface"


def test_a_report_is_no_figure_and_a_page_of_the_user_is_kept(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "-q")
    nnlab("report", "-o", "report.html")
    assert nnlab("figures", "--format", "json").json == []
    (folder / "mine.html").write_text("<p>mine</p>")
    nnlab("plot", "surface", "--steps", "3", "-o", "mine.html", expect=1)
    assert (folder / "mine.html").read_text() == "<p>mine</p>"


def test_a_user_defined_optimizer_is_drawn(nnlab: Nnlab, folder: Path) -> None:
    (folder / "mine.py").write_text(
        "import torch\ndef opt(parameters, lr):\n"
        "    return torch.optim.SGD(parameters, lr=lr, momentum=0.9)\n"
    )
    words = ("plot", "surface", "--on", "quadratic", "--steps", "5", "--lr", "0.1", "--data")
    nnlab(*words, "--opt", "mine.py:opt", "-o", "own.svg")
    nnlab(*words, "--opt", "momentum", "-o", "momentum.svg")
    own, momentum = (
        [float(line.rpartition(",")[2]) for line in (folder / name).read_text().splitlines()[1:]]
        for name in ("own.csv", "momentum.csv")
    )
    assert own == pytest.approx(momentum)
