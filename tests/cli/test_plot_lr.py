"""`nnlab plot lr`: learning rates before training."""

from pathlib import Path

import pytest
from command_line_runner import Nnlab

from nnlab.figures.kinds.lr import _learning_rate_curves, _ScheduledTrial
from nnlab.settings import DataFacts, RunConfig
from nnlab.settings.space import TrialSpec, expand_space


def test_a_list_of_decays_makes_a_figure_in_each_format(nnlab: Nnlab, folder: Path) -> None:
    files = [word for kind in ("pdf", "svg", "png") for word in ("-o", f"lr.{kind}")]
    answer = nnlab("plot", "lr", "--decay", "exp,inv,step,cosine", *files)
    assert answer.out.splitlines() == [f"lr.{kind}: 4 schedules" for kind in ("pdf", "svg", "png")]
    assert all((folder / f"lr.{kind}").stat().st_size > 1000 for kind in ("pdf", "svg", "png"))
    assert not (folder / "runs.db").exists()


def test_the_file_tells_what_was_typed(nnlab: Nnlab, folder: Path) -> None:
    nnlab("plot", "lr", "--decay", "wsd", "--warmup", "2", "-o", "lr.svg")
    assert "nnlab plot lr --decay wsd --warmup 2" in (folder / "lr.svg").read_text()


def test_the_same_words_give_the_same_bytes(nnlab: Nnlab, folder: Path) -> None:
    for name in ("a", "b"):
        nnlab("plot", "lr", "--decay", "exp", "-o", f"{name}.png")
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()


def test_settings_come_from_a_file_too(nnlab: Nnlab, folder: Path) -> None:
    (folder / "lr.toml").write_text('decay = ["exp", "step"]\nepochs = 5\n')
    answer = nnlab("plot", "lr", "--config", "lr.toml", "-o", "lr.png")
    assert "2 schedules" in answer.out


def test_plateau_says_what_it_cannot_know(nnlab: Nnlab) -> None:
    assert (
        "plateau depends on val/loss"
        in nnlab("plot", "lr", "--decay", "plateau", "-o", "a.png").err
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--decay", "exp", "-o", "lr.jpg"], "a figure is written as .pdf, .svg, .png, .eps"),
        (["--decay", "exp", "--venue", "nips", "-o", "lr.png"], "did you mean 'neurips'"),
        (["--opt", "sgd,lbfgs", "-o", "lr.png"], "--opt lbfgs has no learning rate to draw"),
        (["--warmup", "40", "-o", "lr.png"], "--warmup 40 must be less than --epochs 30"),
        (["--decay", "cosin", "-o", "lr.png"], "did you mean 'cosine'"),
        (["--steps", "0", "-o", "lr.png"], "--steps"),
    ],
)
def test_what_cannot_be_drawn_is_refused(nnlab: Nnlab, words: list[str], message: str) -> None:
    assert message in " ".join(nnlab("plot", "lr", *words, expect=2).err.split())


def lines_of(**space: tuple[object, ...]) -> dict[str, tuple[float, ...]]:
    points = expand_space(space, lambda _: DataFacts("classification"))  # type: ignore[arg-type]
    lines = _learning_rate_curves(schedules(points), 2, "setting")
    return {line.label: line.rates for line in lines}


def schedules(points: tuple[TrialSpec, ...]) -> list[_ScheduledTrial]:
    return [_ScheduledTrial(p.config, p.config.lr or 0.0, p.setting, "") for p in points]


def test_the_rates_are_those_of_the_loop_to_the_end_of_the_last_step() -> None:
    result = lines_of(decay=("linear",), opt=("sgd",), lr=(0.4,), epochs=(2,))
    assert result == {"linear decay": pytest.approx((0.4, 0.3, 0.2, 0.1, 0.1))}


def test_settings_with_one_learning_rate_share_a_line() -> None:
    assert lines_of(width=(8, 16), lr=(0.1, 0.2)).keys() == {
        "lr 0.1 (2 settings)",
        "lr 0.2 (2 settings)",
    }


def test_a_long_training_is_thinned() -> None:
    points = expand_space(
        {"epochs": (RunConfig().epochs * 1000,)}, lambda _: DataFacts("regression")
    )
    (line,) = _learning_rate_curves(schedules(points), 100, "setting")
    assert len(line.epochs) <= 2001
    assert line.epochs[-1] == 30_000
