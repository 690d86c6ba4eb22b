"""Figure files: identical bytes, provenance, atomic writes."""

import errno
import hashlib
import json
import os
import re
import struct
import zlib
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from nnlab.errors import NnlabError, OutputError, UsageError
from nnlab.figures.draw.save import FORMATS, save_figure
from nnlab.figures.draw.series import Series
from nnlab.figures.kinds.curves import draw_curves
from nnlab.io.file_origin import read_figure_provenance
from nnlab.records import Curve, History

PROVENANCE = {"runs": "1,2", "question": 'does "a < b & c" hold? ∞'}


def figure() -> Figure:
    epochs = tuple(range(1, 21))
    seeds = tuple(
        History({"val/loss": Curve("val/loss", epochs, tuple((2 + s) / e for e in epochs))})
        for s in range(3)
    )
    return draw_curves([Series("adam", seeds), Series("sgd", seeds[:1])])


@pytest.mark.parametrize("kind", FORMATS)
def test_bytes_repeat(kind: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_figure(figure(), tmp_path / f"{name}.{kind}", PROVENANCE)
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    assert len(digests) == 1


@pytest.mark.parametrize("kind", FORMATS)
def test_saving_twice_or_in_two_formats_changes_nothing(kind: str, tmp_path: Path) -> None:
    result = figure()
    save_figure(result, tmp_path / "first.png", PROVENANCE)
    save_figure(result, tmp_path / f"again.{kind}", PROVENANCE)
    save_figure(figure(), tmp_path / f"alone.{kind}", PROVENANCE)
    assert (tmp_path / f"again.{kind}").read_bytes() == (tmp_path / f"alone.{kind}").read_bytes()


def test_pdf_embeds_truetype_and_no_type_3(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    save_figure(figure(), path, PROVENANCE)
    data = path.read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL)
    whole = data + b"".join(map(inflated, streams))
    assert b"/Type3" not in whole
    assert b"/FontFile2" in whole
    assert b"/CreationDate" not in whole
    assert b"/Keywords" in whole


def inflated(stream: bytes) -> bytes:
    try:
        return zlib.decompress(stream)
    except zlib.error:
        return b""


def test_png_carries_its_provenance(tmp_path: Path) -> None:
    path = tmp_path / "a.PNG"
    save_figure(figure(), path, PROVENANCE)
    data, at, result = path.read_bytes(), 8, {}
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        if data[at + 4 : at + 8] == b"tEXt":
            key, _, text = data[at + 8 : at + 8 + size].partition(b"\0")
            result[key.decode()] = text.decode("latin-1")
        at += 12 + size
    assert json.loads(result["Description"].removeprefix("nnlab-figure:")) == PROVENANCE


def test_svg_carries_its_provenance_and_its_text_as_paths(tmp_path: Path) -> None:
    path = tmp_path / "a.svg"
    save_figure(figure(), path, PROVENANCE)
    text = path.read_text()
    assert "<dc:description>" in text
    assert "&lt; b &amp; c" in text
    assert "<text" not in text
    assert "<dc:date>" not in text


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_says_where_it_comes_from(kind: str, tmp_path: Path) -> None:
    hard = {"words": ["a(b)\\", "日本 <&>%", "x\n)"], "n": 1, "none": None}
    save_figure(figure(), tmp_path / f"a.{kind}", hard)
    assert read_figure_provenance(tmp_path / f"a.{kind}") == hard


@pytest.mark.parametrize("content", [b"", b"%PDF /Keywords (x)", b"nnlab-figure:{", b"\x89PNG"])
@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_others_says_nothing(kind: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"a.{kind}"
    path.write_bytes(content)
    assert read_figure_provenance(path) is None


def test_postscript_has_no_transparency_and_no_date(tmp_path: Path) -> None:
    result = figure()
    before = [artist.get_alpha() for artist in result.findobj()]
    save_figure(result, tmp_path / "a.eps", PROVENANCE)
    assert [artist.get_alpha() for artist in result.findobj()] == before
    text = (tmp_path / "a.eps").read_text(encoding="latin-1")
    assert text.startswith("%!PS-Adobe")
    assert "CreationDate" not in text
    assert "/FontType 3" not in text


def test_tex_sees_letters_and_never_a_command(tmp_path: Path) -> None:
    epochs = (1, 2)
    of = History({"val/loss": Curve("val/loss", epochs, (2.0, 1.0))})
    named = [Series(r"\input{/etc/passwd} 100% $x_1$ #&~^", (of,)), Series("b", (of,))]
    save_figure(draw_curves(named), tmp_path / "a.pgf", {})
    text = (tmp_path / "a.pgf").read_text()
    assert r"\textbackslash{}input\{" in text
    drawn = [line for line in text.splitlines() if line.startswith(r"\pgftext")]
    assert not [line for line in drawn if r"\input" in line or "$" in line.replace(r"\$", "")]


def test_pixels_have_no_place_in_pgf(tmp_path: Path) -> None:
    result = figure()
    result.axes[0].imshow([[0.0, 1.0]], aspect="auto")
    with pytest.raises(UsageError, match=r"cannot hold"):
        save_figure(result, tmp_path / "a.tikz", {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.jpg", "a", "a.pdf.gz", ".pdf"])
def test_unknown_suffix_names_those_that_are_known(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.pdf, \.svg, \.png, \.eps, \.pgf or \.tikz"):
        save_figure(figure(), tmp_path / name, {})
    assert list(tmp_path.iterdir()) == []


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="does not exist") as caught:
        save_figure(figure(), tmp_path / "no" / "a.pdf", {})
    assert "mkdir -p" in (caught.value.hint or "")


def test_a_folder_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").mkdir()
    with pytest.raises(OutputError, match="is a folder"):
        save_figure(figure(), tmp_path / "a.pdf", {})


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="not a folder"):
        save_figure(figure(), tmp_path / "file" / "a.pdf", {})


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_closed_folder_and_read_only_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept.pdf"
    kept.write_text("old")
    kept.chmod(0o400)
    with pytest.raises(OutputError, match="read-only"):
        save_figure(figure(), kept, {})
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with pytest.raises(OutputError, match="no permission"):
        save_figure(figure(), closed / "a.pdf", {})


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no room left"),
        (errno.EACCES, "no permission"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_a_failure_while_writing_leaves_the_old_figure(
    number: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(descriptor: int) -> None:
        raise OSError(number, os.strerror(number))

    (tmp_path / "a.pdf").write_bytes(b"old")
    result = figure()
    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(NnlabError, match=words):
        save_figure(result, tmp_path / "a.pdf", {})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.pdf", b"old")]


def test_an_existing_figure_is_replaced_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "real.pdf").write_bytes(b"old")
    (tmp_path / "link.pdf").symlink_to("real.pdf")
    save_figure(figure(), tmp_path / "link.pdf", {})
    assert (tmp_path / "link.pdf").is_symlink()
    assert (tmp_path / "real.pdf").read_bytes().startswith(b"%PDF")


def test_tex_aligns_tick_labels_at_their_axis(tmp_path: Path) -> None:
    """Their width in the font of the paper is unknown."""
    figure = Figure()
    ax = figure.subplots()
    ax.set_yticks([0.5], ["a long label"])
    save_figure(figure, tmp_path / "a.pgf", {})
    (label,) = [
        line for line in (tmp_path / "a.pgf").read_text().splitlines() if "a long label" in line
    ]
    assert re.match(r"\\pgftext\[x=\d+\.\d+in,y=\d+\.\d+in,right,base\]", label)
    (x,) = re.findall(r"x=(\d+\.\d+)in", label)
    tick = ax.get_window_extent().x0 / figure.dpi
    assert tick - 0.15 < float(x) < tick
