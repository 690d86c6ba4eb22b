"""Tiers are shown only where there are enough seeds."""

import pytest
from command_line_runner import Nnlab
from matplotlib.text import Text

from nnlab.figures.kinds.ranking import RankedRow, draw_ranking

SETTING = ("--data", "iris", "--width", "8", "--depth", "1", "--epochs", "4", "--lr", "0.05,1e-6")


@pytest.fixture
def two_seeds(nnlab: Nnlab) -> Nnlab:
    """Two trials that are far apart, with two seeds each."""
    nnlab("train", *SETTING, "--seeds", "2", "-q")
    return nnlab


def test_two_seeds_are_too_few_for_a_tier(two_seeds: Nnlab) -> None:
    rows = two_seeds("compare", "--format", "json").json["rows"]
    assert [row["tier"] for row in rows] == [None, None]
    assert not rows[1]["against_best"]["told"]
    # The keys of docs/formats.md: scripts read them, whatever the names in the code are.
    assert set(rows[1]["against_best"]) == {
        *("n", "paired", "mean", "low", "high", "p", "adjusted", "effect"),
        *("better", "needed", "fewest", "told"),
    }
    table = two_seeds("compare").out
    assert "too few seeds to rank: at least 3 are needed" in table
    assert "tier" not in table
    assert (
        "too few seeds to rank: at least 6 are needed"
        in two_seeds("compare", "--test", "sign-flip").out
    )
    assert (
        "verdict: cannot tell; too few seeds to rank: at least 3 are needed"
        in two_seeds("compare", "1", "2").out
    )


def test_four_seeds_have_tiers_and_one_trial_with_fewer_has_none(nnlab: Nnlab) -> None:
    nnlab("train", *SETTING, "--seeds", "4", "-q")
    nnlab("train", *SETTING[:-1], "1e-5", "--seeds", "2", "-q")
    output = nnlab("compare", "--by", "val/loss", "--format", "json").json
    tiers = {row["setting"]["lr"]: row["tier"] for row in output["rows"]}
    assert tiers == {0.05: 1, 1e-6: 2, 1e-5: None}
    (note,) = (note for note in output["notes"] if "too few" in note)
    rank = next(row["rank"] for row in output["rows"] if row["tier"] is None)
    assert note == f"too few seeds to rank #{rank}: at least 3 are needed"


def test_a_report_and_a_paper_table_do_not_claim_more(two_seeds: Nnlab) -> None:
    printed = two_seeds("report", "default", "-o", "r.md").out
    assert "too few seeds to rank: at least 3 are needed" in printed
    assert "better than every other" not in printed
    table = two_seeds("compare", "--pivot", "model", "--format", "json").json
    assert "Bold: the best mean (too few seeds to rank: at least 3 are needed)" in table["caption"]
    assert sum(row["cells"][0]["best"] for row in table["rows"]) == 1
    text = two_seeds("compare", "--format", "latex").out
    assert text.count(r"\bfseries") == 1
    assert "significant" not in text


def test_the_figure_says_so_too(two_seeds: Nnlab) -> None:
    assert "too few seeds to rank: at least 3 are needed" in two_seeds("plot", "ranking").err


def test_a_figure_names_the_tiers_that_it_shows() -> None:
    def texts(*tiers: int | None) -> list[str]:
        places = [
            RankedRow(f"t{i}", (0.9 - i, 0.8 - i), 0.85 - i, 0.07, (0.7 - i, 0.95 - i), tier)
            for i, tier in enumerate(tiers)
        ]
        figure = draw_ranking(places, "accuracy", lower=False)
        return [text.get_text() for text in figure.findobj(Text)]

    assert not any("seeds to" in text or "signific" in text for text in texts(None, None))
    assert {
        "tier 1: not significantly different from the best",
        "tier 2: significantly worse than the best",
        "too few seeds to test",
    } <= set(texts(1, 2, None))
