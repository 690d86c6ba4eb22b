"""Reports as HTML: one file, all text escaped, works in a browser."""

import json
import re
import shutil
import sqlite3
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from command_line_runner import QUICK, Nnlab
from store_speed import fill_database

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NASTY = "<script>alert(1)</script>\"&'{{ 7*7 }}"


class Page(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "action", "data")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def study(nnlab: Nnlab) -> Nnlab:
    """A study whose name and question are attacks, with a run that failed in it."""
    nnlab("init-study", NASTY, *QUICK, "--opt", "sgd,adam", "--lr", "0.01,0.1", "--seeds", "3",
          "--question", f"Which? {NASTY}")  # fmt: skip
    nnlab("train", "--study", NASTY, "-q")
    return nnlab


def test_the_page_asks_nobody_for_anything_and_shows_text_as_text(
    study: Nnlab, tmp_path: Path
) -> None:
    study("report", NASTY, "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    page = Page(text)
    assert page.tags.count("script") == 1
    assert all(link.startswith("#") for link in page.links)
    assert NASTY in page.text
    assert "{{ 7*7 }}" in page.text
    assert not re.search(r"https?://|@import|url\(", text)


def test_every_part_is_there(study: Nnlab, tmp_path: Path) -> None:
    study("report", NASTY, "-o", "r.html")
    page = Page((tmp_path / "r.html").read_text())
    for part in (
        "is best of 4", "Ranking", "Curves", "Which choices matter", "Findings", "What was run",
        "Where", "Commands", "packages", "12 runs: 12 finished", "tier",
    ):  # fmt: skip
        assert part in page.text, part
    assert page.tags.count("svg") >= 2


def test_a_page_before_anything_was_trained(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab("init-study", "s", *QUICK)
    nnlab("report", "s")
    assert "nothing has been trained yet" in (tmp_path / "report.html").read_text()


def test_runs_are_reported_too(study: Nnlab, tmp_path: Path) -> None:
    study("report", "1", "2", "-o", "two.html")
    assert "2 runs: 2 finished" in (tmp_path / "two.html").read_text()


@pytest.mark.parametrize("suffix", ["md", "tex"])
def test_other_formats_have_their_figures_beside_them(
    study: Nnlab, tmp_path: Path, suffix: str
) -> None:
    study("report", NASTY, "-o", f"r.{suffix}")
    kind = "png" if suffix == "md" else "pdf"
    assert (tmp_path / f"r-curves.{kind}").is_file()
    text = (tmp_path / f"r.{suffix}").read_text()
    assert f"r-curves.{kind}" in text.replace("\\", "")
    assert "<script>" not in text


def test_overfitting_stands_at_the_top_with_its_curve(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab(
        *("train", "--data", "circles", "--data-noise", "0.3", "--train-size", "60", "-q"),
        *("--width", "256", "--depth", "3", "--lr", "0.003", "--epochs", "80", "--seeds", "2"),
    )
    nnlab("report", "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    flag = text.index("Overfitting in 2 of 2 runs")
    assert flag < text.index("Ranking</h2>")
    section = text[flag : text.index("</section>", flag)]
    assert 'class="shade"' in section
    assert 'class="onset"' in section


def test_a_plateau_has_a_banner_of_its_own_and_noise_has_none(nnlab: Nnlab, tmp_path: Path) -> None:
    nnlab(
        *("train", "--data", "circles", "--data-noise", "0.3", "--train-size", "60", "-q"),
        *("--width", "256", "--depth", "3", "--lr", "0.003", "--epochs", "80"),
    )
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("DELETE FROM finding WHERE code != 'NN101'")
        (message,) = connection.execute("SELECT message FROM finding").fetchone()
        connection.execute("UPDATE finding SET code = 'NN102', severity = 'info'")
    nnlab("report", "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    section = text[text.index('id="plateau"') :].partition("</section>")[0]
    assert "Validation plateau in 1 of 1 runs" in section
    assert 'class="onset plateau"' in section
    assert 'id="overfitting"' not in text
    with sqlite3.connect(tmp_path / "runs.db") as connection:
        connection.execute("UPDATE finding SET code = 'NN101', severity = 'warning'")
        connection.execute(
            "INSERT INTO finding (run_id, code, name, severity, confidence, onset, message, remedy,"
            " evidence, created_at) SELECT run_id, 'NN401', 'inputs', severity, confidence, 1,"
            " 'not normalised', remedy, evidence, created_at FROM finding"
        )
    nnlab("report", "-o", "r.html")
    text = (tmp_path / "r.html").read_text()
    assert 'id="overfitting"' not in text
    assert text.index('id="NN401"') > 0
    assert message.split(" (")[0] in text, "the finding itself stays in the list"
    assert 'class="onset' not in text


CHECK = """
<script>
addEventListener("load", () => {
  const said = {};
  const names = (at) => [...document.querySelectorAll("#ranked tbody tr")].map(
    (row) => row.cells[at].textContent);
  const heads = [...document.querySelectorAll("#ranked thead th")];
  const at = heads.findIndex((head) => head.textContent.startsWith("val/accuracy"));
  heads[at].click();
  said.up = names(at);
  heads[at].click();
  said.down = names(at);
  const button = document.querySelector(".legend button");
  button.click();
  const line = document.querySelector('#curves .trial[data-trial="0"]');
  said.hidden = getComputedStyle(line).display;
  button.click();
  said.shown = getComputedStyle(line).display;
  const filter = document.querySelector("input.filter");
  filter.value = "adam 0.01";
  filter.dispatchEvent(new Event("input"));
  const rows = [...document.querySelectorAll("#ranked tbody tr")];
  said.left = rows.filter((row) => !row.hidden).length;
  const svg = document.querySelector("#curves svg");
  const box = line.querySelector("polyline").getBoundingClientRect();
  svg.dispatchEvent(new PointerEvent("pointermove", {
    clientX: box.left, clientY: box.top, bubbles: true }));
  const tip = document.getElementById("tip");
  said.tip = tip.hidden ? "" : tip.textContent;
  document.getElementById("theme").click();
  said.theme = document.documentElement.dataset.theme;
  said.wide = document.documentElement.scrollWidth <= innerWidth;
  said.errors = window.errors;
  document.body.dataset.said = JSON.stringify(said);
});
</script>
"""
LISTEN = (
    "<script>window.errors = []; addEventListener('error', (e) => errors.push(e.message));</script>"
)


def browsed(page: Path, width: int) -> dict[str, object]:
    """What the page did in a browser: sorted, hid, filtered, told; and its errors."""
    text = (
        page.read_text().replace("<head>", f"<head>{LISTEN}").replace("</body>", f"{CHECK}</body>")
    )
    tried = page.with_name("tried.html")
    tried.write_text(text)
    done = subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={page.parent / 'browser'}",
            f"--window-size={width},900", "--virtual-time-budget=3000", "--dump-dom",
            "--enable-logging=stderr", tried.as_uri(),
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    assert not console, console
    match = re.search(r'data-said="([^"]*)"', done.stdout)
    assert match, done.stdout[-2000:]
    output: dict[str, object] = json.loads(match[1].replace("&quot;", '"').replace("&amp;", "&"))
    return output


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize("width", [1200, 500])
def test_in_a_browser_it_sorts_hides_filters_and_tells(
    study: Nnlab, tmp_path: Path, width: int
) -> None:
    study("report", NASTY, "-o", "r.html")
    output = browsed(tmp_path / "r.html", width)
    assert output["errors"] == []
    up, down = output["up"], output["down"]
    assert isinstance(up, list)
    assert isinstance(down, list)
    numbers = [float(text.split()[0]) for text in up]
    assert numbers == sorted(numbers)
    assert down == up[::-1] or sorted(down) == sorted(up)
    assert (output["hidden"], output["shown"]) == ("none", "inline")
    assert output["left"] == 1
    assert "epoch 1" in str(output["tip"])
    assert output["theme"] in ("dark", "light")
    assert output["wide"]


def test_five_hundred_runs_make_a_small_page(nnlab: Nnlab, tmp_path: Path) -> None:
    fill_database(tmp_path / "runs.db", runs=500, seeds=5)
    nnlab("report", "-o", "r.html")
    page = Page((tmp_path / "r.html").read_text())
    assert "500 runs" in page.text
    assert (tmp_path / "r.html").stat().st_size < 5_000_000
