"""The public functions of `nnlab.plots`."""

import subprocess
import sys

import matplotlib.pyplot as plt
import pytest
from synthetic_trials import history

import nnlab.plots
from nnlab.figures.draw.paper import Paper


@pytest.mark.parametrize("name", nnlab.plots.__all__)
def test_every_name_stays_what_it_is_after_its_module_was_imported(name: str) -> None:
    first = getattr(nnlab.plots, name)
    assert callable(first)
    assert getattr(nnlab.plots, name) is first


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'kurves'"):
        nnlab.plots.kurves  # noqa: B018


def test_curves_of_a_history_go_into_axes_of_ones_own() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    drawn = nnlab.plots.curves(history(1), axes=left, metrics=["loss"])
    assert drawn is figure
    assert left.get_ylabel() == "Loss"
    assert not right.lines
    plt.close(figure)


def test_a_paper_sets_the_width_of_whatever_is_drawn_on_it() -> None:
    with nnlab.plots.use_paper(Paper(width=3.0)):
        assert nnlab.plots.curves(history(1)).get_figwidth() == 3.0
    assert nnlab.plots.curves(history(1)).get_figwidth() == 5.5


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    code = "import nnlab.plots, sys; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
