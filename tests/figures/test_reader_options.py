"""Names, order, selection, titles and limits that the author of a figure chooses."""

import re

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from nnlab.errors import UnknownName, UsageError
from nnlab.figures.draw.display_names import metric_name, setting_name, trial_name, value_name
from nnlab.figures.draw.layout import (
    CollapsedLayout,
    freeze_layout,
    new_figure,
)
from nnlab.figures.draw.reader_options import (
    ReaderOptions,
    check_reader_options,
    chosen_trials,
    in_chosen_order,
    use_reader_options,
)
from nnlab.figures.draw.style import style_context
from nnlab.figures.draw.titles_and_limits import apply_titles_and_limits
from nnlab.figures.page import reader_options
from nnlab.stats.uncertainty import Uncertainty

TRIALS = (
    {"": ("Adam, lr 0.1",), "opt": ("adam", "Adam"), "lr": ("0.1",)},
    {"": ("SGD, lr 0.1",), "opt": ("sgd", "SGD"), "lr": ("0.1",)},
    {"": ("Adam, lr 1",), "opt": ("adam", "Adam"), "lr": ("1",)},
)


@pytest.mark.parametrize(
    ("setting", "fields", "name"),
    [
        ({"opt": "sgd"}, ["opt"], "SGD"),
        ({"opt": "adam", "lr": 0.01, "decay": "none"}, ["opt", "lr", "decay"],
         "Adam, lr 0.01, no decay"),
        ({"model": "resnet", "depth": 8}, ["model", "depth"], "ResNet-8"),
        ({"model": "mlp", "depth": 8}, ["model", "depth"], "MLP, depth 8"),
        ({"l2": 1e-4, "batch_size": 64}, ["l2", "batch_size"], "L2 0.0001, batch size 64"),
        ({"augment": "flip+shift"}, ["augment"], "flip + shift"),
        ({"model": "module:/home/a/net.py:Net", "nesterov": None}, ["model", "nesterov"], "Net"),
        ({"compile": False}, ["compile"], "no compile"),
    ],
)  # fmt: skip
def test_trials_have_the_names_that_a_reader_uses(
    setting: dict[str, str | float], fields: list[str], name: str
) -> None:
    assert trial_name(setting, fields) == name


def test_a_renamed_value_setting_or_metric_is_renamed_everywhere() -> None:
    renaming = {"adam": "Ours", "lr": "η", "val/loss": "Loss on held-out data", "SGD": "Baseline"}
    with use_reader_options(ReaderOptions(rename=renaming)):
        assert trial_name({"opt": "adam", "lr": 0.1}, ["opt", "lr"]) == "Ours, η 0.1"
        assert value_name("opt", "sgd") == "Baseline"
        assert setting_name("lr") == "η"
        assert metric_name("val/loss", "cross_entropy") == "Loss on held-out data"
        check_reader_options("curves")


def test_the_name_of_a_whole_trial_can_be_replaced() -> None:
    with use_reader_options(ReaderOptions(rename={"Adam, lr 0.1": "Ours"})):
        assert trial_name({"opt": "adam", "lr": 0.1}, ["opt", "lr"]) == "Ours"


def test_a_name_that_is_not_in_the_figure_is_an_error_that_lists_the_names() -> None:
    with use_reader_options(ReaderOptions(rename={"adm": "Ours"})):
        value_name("opt", "adam")
        with pytest.raises(UnknownName, match="adam"):
            check_reader_options("curves")


@pytest.mark.parametrize(
    ("select", "expected"),
    [
        (("opt=adam",), [0, 2]),
        (("opt=Adam", "lr=1"), [2]),
        (("opt=adam,sgd", "lr=0.1"), [0, 1]),
        (("SGD, lr 0.1", "Adam, lr 1"), [1, 2]),
        ((), [0, 1, 2]),
    ],
)
def test_selected_trials_meet_all_conditions(select: tuple[str, ...], expected: list[int]) -> None:
    with use_reader_options(ReaderOptions(select=select)):
        assert chosen_trials(TRIALS, lambda trial: trial) == [TRIALS[i] for i in expected]


def test_a_value_that_no_trial_has_is_an_error() -> None:
    options = ReaderOptions(select=("opt=adan",))
    with use_reader_options(options), pytest.raises(UnknownName, match=r"adan.*adam"):
        chosen_trials(TRIALS, lambda trial: trial)


def test_the_order_moves_the_named_trials_to_the_front() -> None:
    with use_reader_options(ReaderOptions(order=("SGD", "Adam, lr 1"))):
        assert chosen_trials(TRIALS, lambda trial: trial) == [TRIALS[1], TRIALS[2], TRIALS[0]]
        assert in_chosen_order(["Adam", "SGD"], lambda name: (name,)) == ["SGD", "Adam"]
        check_reader_options("curves")


@pytest.mark.parametrize("options", [ReaderOptions(select=("x=1",)), ReaderOptions(order=("x",))])
def test_an_option_without_effect_is_an_error(options: ReaderOptions) -> None:
    with use_reader_options(options), pytest.raises(UsageError, match="has no effect on plot init"):
        check_reader_options("init")


def figure_of_two_panels() -> tuple[Figure, list[Axes]]:
    figure = new_figure(2.0)
    axes = list(figure.subplots(1, 2))
    for ax in axes:
        ax.plot([1, 10], [0.1, 100.0])
        ax.set_xlabel("Epoch")
        ax.set_ylabel("Loss")
    axes[1].set_yscale("log")
    return figure, axes


def test_title_labels_and_limits_are_set_before_the_layout() -> None:
    options = ReaderOptions(
        title="A title", xlabel="Passes", ylabels=("A",), xlim=(2.0, None), ylims=((0.0, 50.0),)
    )
    with use_reader_options(options):
        figure, (left, right) = figure_of_two_panels()
        height = figure.get_figheight()
        freeze_layout(figure)
        freeze_layout(figure)
    assert figure.get_suptitle() == "A title"
    assert height < figure.get_figheight() < height + 0.5
    assert (left.get_xlabel(), right.get_xlabel()) == ("Passes", "Passes")
    assert (left.get_ylabel(), right.get_ylabel()) == ("A", "Loss")
    assert left.get_ylim() == (0.0, 50.0)
    assert right.get_ylim()[1] > 100
    assert left.get_xlim()[0] == right.get_xlim()[0] == 2.0
    assert left.get_xlim()[1] > 10


def test_a_limit_that_a_logarithmic_axis_cannot_have_is_an_error() -> None:
    with use_reader_options(ReaderOptions(ylims=((0.0, 1.0), (0.0, 1.0)))):
        figure, _ = figure_of_two_panels()
        with pytest.raises(UsageError, match="--ylim: the axis is logarithmic"):
            freeze_layout(figure)


def test_options_of_the_command_line_are_parsed() -> None:
    options = reader_options(
        {"rename": ["a=b=c"], "order": ["x,Adam, lr 1"], "xlim": "..3", "ylim": ["0..1", "-1.."],
         "uncertainty": "sd"}
    )  # fmt: skip
    assert options.rename == {"a=b": "c"}
    assert options.order == ("x", "Adam, lr 1")
    assert options.xlim == (None, 3.0)
    assert options.ylims == ((0.0, 1.0), (-1.0, None))
    assert options.uncertainty is Uncertainty.SD


@pytest.mark.parametrize(
    "page",
    [{"rename": ["a"]}, {"xlim": "3"}, {"xlim": ".."}, {"ylim": ["2..1"]}, {"ylim": ["a..b"]},
     {"ylim": ["nan..1"]}, {"uncertainty": "range"}],
)  # fmt: skip
def test_malformed_options_are_errors(page: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        reader_options(page)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ReaderOptions(xlim=(100.0, 200.0)), "--xlim 100..200: nothing is drawn there"),
        (ReaderOptions(ylims=((None, -1.0),)), "--ylim ..-1: nothing is drawn there"),
    ],
)
def test_limits_without_any_value_are_an_error(options: ReaderOptions, message: str) -> None:
    figure, _ = figure_of_two_panels()
    with use_reader_options(options), pytest.raises(UsageError, match=re.escape(message)):
        freeze_layout(figure)


def test_panels_with_names_at_their_axis_keep_their_limits() -> None:
    figure, (numbers, names) = figure_of_two_panels()
    names.set_xticks([0, 1, 2], ["SGD", "Adam", "SGD with momentum"])
    before = names.get_xlim()
    with use_reader_options(ReaderOptions(xlim=(0.5, 1.5))):
        freeze_layout(figure)
    assert numbers.get_xlim() == (0.5, 1.5)
    assert names.get_xlim() == before
    numbers.set_xticks([0, 1], ["a", "b"])
    with (
        use_reader_options(ReaderOptions(xlim=(0.0, 1.0))),
        pytest.raises(UsageError, match="the axis shows names"),
    ):
        apply_titles_and_limits(figure)


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([-1e15, 3e15], {"\N{MINUS SIGN}10¹⁵", "0", "10¹⁵", "2·10¹⁵", "3·10¹⁵"}),
        ([1e-8, 3e-8], {"10⁻⁸", "2·10⁻⁸", "3·10⁻⁸"}),
    ],
)
def test_ticks_have_their_own_power_of_ten(values: list[float], texts: set[str]) -> None:
    with style_context():
        figure = new_figure(2.0)
        ax = figure.subplots()
        ax.plot([0, 1], values)
        freeze_layout(figure)
        figure.draw_without_rendering()
    assert ax.yaxis.get_offset_text().get_text() == ""
    assert texts <= {label.get_text() for label in ax.get_yticklabels()}


def test_a_layout_without_space_for_the_axes_is_refused() -> None:
    with style_context():
        figure = new_figure(2.0, 0.8)
        figure.subplots().set_yticks([0], ["a label that is wider than the figure"])
    with style_context(), pytest.raises(CollapsedLayout):
        freeze_layout(figure)


@pytest.mark.parametrize("limits", [(5.0, 6.0), (0.3, 40.0), (0.21, 0.45)])
def test_a_part_of_a_logarithmic_axis_has_ticks(limits: tuple[float, float]) -> None:
    figure, (_, ax) = figure_of_two_panels()
    with use_reader_options(ReaderOptions(ylims=((None, 50.0), limits))):
        freeze_layout(figure)
    figure.draw_without_rendering()
    low, high = limits
    inside = [tick for tick in ax.get_yticks() if low <= tick <= high]
    assert 2 <= len(inside) <= 8
    assert all(label.get_text() for label in ax.get_yticklabels())


def test_unknown_fields_and_values_are_named_with_the_useful_ones() -> None:
    with (
        use_reader_options(ReaderOptions(select=("colour=red",))),
        pytest.raises(UnknownName, match=r"unknown field 'colour'.* Known: lr, opt$"),
    ):
        chosen_trials(TRIALS, lambda trial: trial)
    with use_reader_options(ReaderOptions(order=("zzz",))):
        in_chosen_order(
            TRIALS[:2], lambda trial: [text for texts in trial.values() for text in texts]
        )
        with pytest.raises(UnknownName, match=r"Known: Adam, Adam, lr 0.1, SGD, SGD, lr 0.1, adam"):
            check_reader_options("curves")
