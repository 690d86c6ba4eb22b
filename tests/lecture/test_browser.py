"""The course in Chromium: at the widths of a desktop and of a phone, in both themes, on paper."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from course_pages import BuiltCourse

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PDFTOTEXT = shutil.which("pdftotext")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

PAGES = ["01-relu.html", "02-reduction.html", "03-decays.html", "index.html"]
THEMES = {"light": 1, "dark": 0}  # as Chromium numbers them
LISTEN = (
    "<script>window.errors = []; addEventListener('error', (e) => errors.push(e.message));</script>"
)
CHECK = """
<script>
addEventListener("load", async () => {
  const observed = { errors: window.errors, width: innerWidth };
  const visible = (selector) => [...document.querySelectorAll(selector)].filter(
    (element) => element.checkVisibility({ contentVisibilityAuto: true }));
  observed.hiddenFigures = visible("figure img").length;
  const fits = () => document.documentElement.scrollWidth <= innerWidth;
  observed.closedFits = fits();
  document.querySelectorAll("details").forEach((details) => { details.open = true; });
  await Promise.all([...document.images].map((image) => image.decode()));
  observed.openFits = fits();
  observed.images = visible("figure img").map((image) => image.getAttribute("src"));
  observed.frames = visible("iframe").length;
  observed.fractions = [...document.querySelectorAll("mfrac")].every((fraction) => {
    const [top, bottom] = [...fraction.children].map((part) => part.getBoundingClientRect());
    return top.bottom <= bottom.top + 3;
  });

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return canvas.getImageData(0, 0, 1, 1).data;
  };
  const luminance = (color) => {
    const [r, g, b] = [...rgba(color)].slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const color = getComputedStyle(node).backgroundColor;
      if (rgba(color)[3] === 255) return color;
    }
    return "white";
  };
  observed.faint = visible("body *").filter((element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())
    && !["SCRIPT", "STYLE", "TITLE"].includes(element.tagName)
  ).map((element) => {
    const [a, b] = [getComputedStyle(element).color, ground(element)].map(luminance);
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), element.outerHTML.slice(0, 60)];
  }).filter(([contrast]) => contrast < 4.5);

  const button = document.getElementById("theme");
  button.click();
  observed.theme = document.documentElement.dataset.theme;
  observed.otherImages = visible("figure img").map((image) => image.getAttribute("src"));
  observed.copyButtons = visible(".copy").length;
  localStorage.clear();
  parent.postMessage(JSON.stringify(observed), "*");
});
</script>
"""
# Windows are at least 500 pixels wide; a frame may have the width of a phone.
FRAME = """<!doctype html><html style="color-scheme: light dark"><body><script>
addEventListener("message", (event) => { document.body.dataset.observed = event.data; });
</script><iframe src="{page}" style="width: {width}px; height: 900px; border: 0"></iframe></body>
</html>"""


def _run_chromium(profile: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
            "--no-first-run", "--disable-background-networking", "--disable-component-update",
            "--disable-sync", f"--user-data-dir={profile}", "--enable-logging=stderr", *words,
        ],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip


def _observe(page: Path, width: int, theme: str, profile: Path) -> Any:
    """What a page did in the browser after all of its parts were opened."""
    text = page.read_text().replace("<head>", f"<head>{LISTEN}")
    observed_page = page.with_name(f"observed-{page.name}")
    observed_page.write_text(text.replace("</body>", f"{CHECK}</body>"))
    frame = page.with_name(f"frame-{page.name}")
    frame.write_text(FRAME.replace("{page}", observed_page.name).replace("{width}", str(width)))
    process = _run_chromium(
        profile,
        "--window-size=1400,1000",
        f"--blink-settings=preferredColorScheme={THEMES[theme]}",
        "--virtual-time-budget=5000",
        "--dump-dom",
        frame.as_uri(),
    )
    console = [line for line in process.stderr.splitlines() if "CONSOLE" in line]
    assert not console, console
    match = re.search(r'data-observed="([^"]*)"', process.stdout)
    assert match, process.stdout[-2000:]
    return json.loads(match[1].replace("&quot;", '"').replace("&lt;", "<").replace("&amp;", "&"))


@pytest.fixture
def course_copy(built_course: BuiltCourse, tmp_path: Path) -> Path:
    """A copy of the course, to which pages can be added."""
    return Path(shutil.copytree(built_course.folder, tmp_path / "course"))


@pytest.mark.parametrize(("width", "theme"), [(1200, "light"), (375, "dark")])
def test_pages_fit_are_readable_and_show_the_figures_of_the_theme(
    course_copy: Path, tmp_path: Path, width: int, theme: str
) -> None:
    other = {"light": "dark", "dark": "light"}[theme]
    for name in PAGES:
        observed = _observe(course_copy / name, width, theme, tmp_path / "profile")
        assert observed["errors"] == []
        assert observed["width"] == width
        assert observed["hiddenFigures"] == 0, "results are hidden at first"
        assert observed["closedFits"]
        assert observed["openFits"]
        assert observed["faint"] == []
        assert observed["fractions"]
        assert observed["theme"] == other
        assert all(f"-{theme}-" in source for source in observed["images"])
        assert all(f"-{other}-" in source for source in observed["otherImages"])
        # The third line has an interactive figure, whose still image is for paper.
        assert len(observed["images"]) == {"01": 2, "02": 2, "03": 0, "in": 0}[name[:2]]
        assert observed["frames"] == (1 if name.startswith("03") else 0)
        assert observed["copyButtons"] == (0 if name == "index.html" else 2)


def test_a_page_prints_the_result_and_not_the_solution(course_copy: Path, tmp_path: Path) -> None:
    pdf = tmp_path / "page.pdf"
    _run_chromium(
        tmp_path / "profile",
        f"--print-to-pdf={pdf}",
        "--no-pdf-header-footer",
        (course_copy / "02-reduction.html").as_uri(),
    )
    assert pdf.read_bytes().startswith(b"%PDF")
    if PDFTOTEXT is None:
        pytest.skip("pdftotext is not installed")
    text = subprocess.run(
        [PDFTOTEXT, "-layout", str(pdf), "-"], capture_output=True, text=True, check=True
    ).stdout
    for part in ("Next to the literature", "with the same learning rate", "arxiv.org/abs/1412"):
        assert part in text
    for part in ("0.0016", "Show the result", "Copy", "All lines"):
        assert part not in text
