"""`nnlab plot compose`: panels from figure files and commands, checked and drawn again."""

import csv
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from matplotlib.figure import Figure

from nnlab.figures.draw.save import FORMATS, save_figure
from nnlab.io.file_origin import read_figure_provenance


def test_files_and_commands_are_panels_of_one_figure(trained: Nnlab, folder: Path) -> None:
    trained("plot", "curves", "1", "2", "--metric", "loss", "-o", "a.pdf", "--venue", "icml")
    answer = trained("plot", "compose", "a.pdf", "ranking", "nnlab plot time --x epochs",
                     "--layout", "1x3", "--data", "-o", "all.png")  # fmt: skip
    assert "all.png: 3 panels: curves, ranking, time" in answer.out
    provenance = read_figure_provenance(folder / "all.png")
    assert provenance is not None
    assert [
        (part["kind"], part["words"], part["options"]) for part in provenance["options"]["parts"]
    ] == [
        ("curves", ["1", "2"], {"metric": ["loss"]}),
        ("ranking", [], {}),
        ("time", [], {"x": "epochs"}),
    ]
    assert provenance["runs"] == "1-4"
    rows = list(csv.DictReader((folder / "all.csv").read_text().splitlines()))
    assert {row["panel"] for row in rows} == {"(a)", "(b)", "(c)"}
    ranked = [row for row in rows if row["panel"] == "(b)"]
    assert [row["rank"] for row in ranked] == ["1", "2"]
    assert all(row["metric"] == "" for row in ranked)


def test_a_stale_composition_is_found_and_drawn_anew(trained: Nnlab, folder: Path) -> None:
    for suffix in FORMATS:
        trained("plot", "compose", "curves", "ranking", "-o", f"all.{suffix}", "--venue", "neurips")
    assert {row["state"] for row in trained("figures", "--format", "json").json} == {"fresh"}
    trained("train", *QUICK, "--opt", "momentum", "-q")
    rows = trained("figures", "--format", "json").json
    assert {row["state"] for row in rows} == {"stale"}
    assert rows[0]["command"].startswith("nnlab plot compose curves ranking --venue neurips -o all")
    trained("figures", "--refresh")
    assert {row["state"] for row in trained("figures", "--format", "json").json} == {"fresh"}


def test_a_composition_as_a_panel_is_its_panels(trained: Nnlab, folder: Path) -> None:
    trained("plot", "compose", "curves", "ranking", "-o", "ab.svg")
    answer = trained("plot", "compose", "ab.svg", "time", "-o", "abc.svg")
    assert "3 panels: curves, ranking, time" in answer.out


@pytest.mark.parametrize("field", ["model", "data"])
def test_a_panel_from_a_file_executes_no_code(trained: Nnlab, folder: Path, field: str) -> None:
    (folder / "evil.py").write_text("open('ran', 'w')\ndef f(**_): ...\n")
    part = {"kind": "init", "words": [], "options": {"settings": {field: "evil.py:f"}}}
    sent = {**part, "page": {}, "data": "0", "nnlab": "0"}
    save_figure(Figure(), folder / "sent.png", sent)
    answer = trained("plot", "compose", "sent.png", "ranking", "-o", "all.png", expect=2)
    assert "name a file" in answer.err
    composed = {"kind": "compose", "words": [], "options": {"parts": [part]}, "page": {}}
    save_figure(Figure(), folder / "sent.png", {**composed, "data": "0", "nnlab": "0"})
    assert "name a file" in trained("plot", "compose", "sent.png", expect=2).err
    assert "unknown" in trained("plot", "--check", "sent.png", expect=3).out
    trained("figures", "--refresh")
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    "parts",
    [
        "curves",
        [],
        ["curves"],
        [{"kind": "curves"}],
        [{"kind": "compose", "words": [], "options": {"parts": []}}],
        [{"kind": "nonsense", "words": [], "options": {}}],
        [{"kind": "curves", "words": [], "options": {"top": 10**9}}],
        [{"kind": "curves", "words": [], "options": {}}] * 27,
    ],
)
def test_invalid_panels_in_a_file_are_reported(trained: Nnlab, folder: Path, parts: object) -> None:
    metadata = {"kind": "compose", "words": [], "options": {"parts": parts}, "page": {}}
    save_figure(Figure(), folder / "sent.pdf", metadata)
    answer = trained("plot", "--check", "sent.pdf", expect=3)
    assert "unknown" in answer.out or "gone" in answer.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("curvs",), "did you mean 'curves'?"),
        (("curves --tip 3",), "No such option: --tip"),
        (("curves --venue icml",), "--venue is an option of the composed figure"),
        (("curves -o b.pdf",), "--output is an option of the composed figure"),
        (("",), "does not begin with a kind of figure"),
        (("none.pdf",), "cannot read none.pdf"),
        (("curves 'x",), "No closing quotation"),
        (("curves", "ranking", "--layout", "3x1"), "does not fit 2 panels"),
        (("curves", "ranking", "--layout", "two"), "is not ROWSxCOLUMNS"),
        (("curves",) * 27, "1 to 26 panels, got 27"),
        (("curves",) * 6 + ("--layout", "1x6", "--venue", "icml"), "inches wide each"),
    ],
)
def test_errors_name_the_panel(
    trained: Nnlab, folder: Path, words: tuple[str, ...], message: str
) -> None:
    answer = trained("plot", "compose", *words, "-o", "all.png", expect=None)
    assert answer.code in (1, 2)
    assert message in answer.err
    assert not (folder / "all.png").exists()


def test_without_a_file_every_panel_is_printed(trained: Nnlab) -> None:
    answer = trained("plot", "compose", "curves --metric loss", "ranking")
    assert "Loss" in answer.out
    assert "tier" in answer.out
    assert "2 panels: curves, ranking" in answer.out


def test_an_inset_is_an_option_of_a_figure_and_of_a_panel(trained: Nnlab, folder: Path) -> None:
    trained("plot", "curves", "--inset", "2..3", "-o", "a.png")
    provenance = read_figure_provenance(folder / "a.png")
    assert provenance is not None
    assert provenance["page"] == {"inset": "2..3"}
    trained("plot", "compose", "a.png", "ranking", "-o", "b.png")
    assert "fresh" in trained("plot", "--check", "b.png").out
    for words, message in (
        (("ranking", "--inset", "2..3"), "plot ranking has no curves there"),
        (("curves", "--inset", "2.."), "needs both ends"),
        (("compose", "ranking", "ranking", "--inset", "2..3"), "has no curves there"),
    ):
        assert message in trained("plot", *words, "-o", "c.png", expect=2).err


def test_brackets_are_drawn_on_request(nnlab: Nnlab, folder: Path) -> None:
    nnlab("train", *QUICK, "--opt", "sgd,adam,momentum", "--seeds", "4", "-q")
    answer = nnlab("plot", "ranking", "--brackets", "-o", "a.pgf")
    assert "corrected for " in answer.err
    text = (folder / "a.pgf").read_text()
    assert "n.s." in text or "p = " in text or "p \\ensuremath{<}" in text
    assert "fresh" in nnlab("plot", "--check", "a.pgf").out
    nnlab("plot", "compose", "ranking --brackets", "curves", "-o", "b.pgf")
    assert "no effect on plot curves" in nnlab("plot", "curves", "--brackets", expect=2).err


@pytest.mark.parametrize(
    "options",
    [{"nonsense": 1}, {"metric": 5}, {"top": "three"}, {"db": "other.db"}],
)
def test_a_file_with_invalid_options_is_no_internal_error(
    trained: Nnlab, folder: Path, options: dict[str, object]
) -> None:
    sent = {"kind": "curves", "words": [], "options": options, "page": {}, "data": "0"}
    save_figure(Figure(), folder / "sent.png", {**sent, "nnlab": "0"})
    answer = trained("plot", "compose", "sent.png", "-o", "all.png", expect=2)
    assert "the file of a panel has invalid options of plot curves" in answer.err
    assert not (folder / "all.png").exists()
