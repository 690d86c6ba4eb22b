"""Speed of `nnlab board`, compared with the pages of other tools; writes docs/performance-board.md.

    make bench-board

Most values are medians; the comparison uses as many runs as all tools can show in minutes.
"""

import argparse
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path

import board_tools
from board_page import (
    PATIENCE,
    RunningBoard,
    chromium,
    environment,
    first_view_seconds,
    open_page,
    running_board,
    seconds_until,
)
from playwright.sync_api import Browser, expect
from store_speed import METRICS, RUNS, Measurement, fill_database
from timing import describe_machine

import nnlab
from nnlab import store
from nnlab.records import Curve

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance-board.md"
EPOCHS = 50  # of 8 metrics: 4 million points of 10,000 runs
LONG_CURVES, LONG_EPOCHS = 50, 250_000
COMMON_RUNS, COMMON_EPOCHS = 200, 50
ROUNDS = 7

REQUESTS: dict[str, tuple[str, dict[str, str]]] = {
    "first page": ("api/runs", {}),
    "sorted by a metric": ("api/runs", {"sort": "-best:val/accuracy"}),
    "sorted by a setting": ("api/runs", {"sort": "setting:lr"}),
    "filtered by a setting": ("api/runs", {"filter": "lr<0.01"}),
    "filtered by a metric": ("api/runs", {"filter": "val/accuracy>0.9"}),
    "last page": ("api/runs", {"page": "200"}),
    "grouped by trial": ("api/runs/trials", {"metric": "val/accuracy"}),
    "curves: which runs and metrics": ("api/curves/index", {}),
    "curves: 20 runs of 1 metric": (
        "api/curves/data",
        {"runs": "1-20", "metrics": '["val/loss"]', "seeds": "lines"},
    ),
}


def measure_requests(path: Path, label: str, *, has_goals: bool) -> list[Measurement]:
    """Time of answers of a board, each the first after a change of the database."""
    results = []
    cache = path.parent / "cache"
    with running_board(path, cache) as board:
        start = time.perf_counter()
        for name in ("", "api/version", "api/studies", "api/runs"):
            board.read(name)
        first = time.perf_counter() - start
        results.append(
            Measurement(
                f"first view of {label}, all requests for data",
                first * 1e3,
                "ms",
                300.0 if has_goals else None,
            )
        )
        for name, (address, parameters) in REQUESTS.items():
            seconds = median_seconds_after_changes(path, partial(board.read, address, **parameters))
            results.append(Measurement(f"{label}: {name}", seconds * 1e3, "ms", None))
        results.append(measure_update(path, board, label, 20.0 if has_goals else None))
    return results


def median_seconds_after_changes(path: Path, read: Callable[[], object]) -> float:
    """Median seconds of a request that no cache answers: the database changes before each."""
    times = []
    for _ in range(ROUNDS + 1):
        change_database(path)
        times.append(seconds_until(read, lambda: None))
    return statistics.median(times[1:])


def measure_update(path: Path, board: RunningBoard, label: str, limit: float | None) -> Measurement:
    """What the server does for a page after a change of the database."""

    def update() -> None:
        board.read("api/runs")
        board.read("api/studies")

    return Measurement(
        f"update of {label}", median_seconds_after_changes(path, update) * 1e3, "ms", limit
    )


def change_database(path: Path, name: str | None = None) -> None:
    """Renames the newest run."""
    database = store.open_database(str(path), write=True)
    with database.write() as connection:
        connection.exec_driver_sql(
            "UPDATE run SET name = ? WHERE id = (SELECT max(id) FROM run)",
            (name or f"changed-{time.time_ns()}",),
        )
    database.close()


def measure_browser(
    path: Path, label: str, browser: Browser, *, has_goals: bool
) -> list[Measurement]:
    """Time until the table is visible, and from a commit until the table shows it."""
    cache = path.parent / "cache"
    with running_board(path, cache) as board:
        board.read("api/runs")  # the process has started
        first = first_view_seconds(browser, board.url, ".runs-table tbody tr", 5)
        with open_page(browser) as page:
            page.goto(f"{board.url}#view=runs&runs.columns=name")
            expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
            delays = []
            for number in range(ROUNDS):
                name = f"renamed-{number}"
                cell = page.get_by_text(name).first
                # From a quiet page: its updates are at least half a second apart.
                page.wait_for_timeout(700 + 30 * number)
                delays.append(
                    seconds_until(
                        partial(change_database, path, name),
                        partial(cell.wait_for, timeout=PATIENCE),
                    )
                )
    delay = statistics.median(delays)
    return [
        Measurement(
            f"browser: table of {label} is visible",
            first * 1e3,
            "ms",
            1500.0 if has_goals else None,
        ),
        Measurement(f"browser: from a commit to the table of {label}", delay * 1e3, "ms", None),
    ]


def fill_long_curves(path: Path) -> None:
    """Runs with one long curve each; all but the first are scaled copies made in SQL."""
    fill_database(path, LONG_CURVES, epochs=1)
    database = store.open_database(str(path), write=True)
    values = tuple(1.0 / (i + 1) + (i * 7919 % 1000) * 1e-4 for i in range(LONG_EPOCHS))
    epochs = tuple(range(1, LONG_EPOCHS + 1))
    store.import_curves(database, 1, [Curve("long/loss", epochs, values)])
    with database.write() as connection:
        (metric,) = connection.exec_driver_sql(
            "SELECT id FROM metric WHERE name = 'long/loss'"
        ).one()
        columns = [row[1] for row in connection.exec_driver_sql("PRAGMA table_info(summary)")]
        copied = ", ".join("?" if name == "run_id" else name for name in columns)
        for run_id in range(2, LONG_CURVES + 1):
            connection.exec_driver_sql(
                "INSERT INTO point (run_id, metric_id, epoch, value)"
                " SELECT ?, metric_id, epoch, value * (1 + ? * 0.01) FROM point"
                " WHERE run_id = 1 AND metric_id = ?",
                (run_id, run_id, metric),
            )
            connection.exec_driver_sql(
                f"INSERT INTO summary ({', '.join(columns)})"
                f" SELECT {copied} FROM summary WHERE run_id = 1 AND metric_id = ?",
                (run_id, metric),
            )
        connection.exec_driver_sql("UPDATE run SET status = 'finished'")
    database.close()


def measure_long_curves(path: Path, browser: Browser) -> list[Measurement]:
    """Time until 50 curves of 250,000 points are drawn: at the first view, and from the cache."""
    cache = path.parent / "curve-cache"
    fragment = f"#view=curves&runs=1-{LONG_CURVES}&curves.filter=long/loss&curves.seeds=lines"
    times: list[float] = []
    # A new process reads the curves from the database, then from the files of the cache.
    for _ in range(2):
        with running_board(path, cache) as board:
            board.read("api/runs")
            times.append(_seconds_until_drawn(browser, board.url + fragment))
            times.append(_seconds_until_drawn(browser, board.url + fragment))
    size = f"{LONG_CURVES} curves of {LONG_EPOCHS:,} points"
    return [
        Measurement(f"browser: {size}, never viewed before", times[0] * 1e3, "ms", None),
        Measurement(f"browser: {size}, viewed again", times[1] * 1e3, "ms", 500.0),
        Measurement(f"browser: {size}, from files of the cache", times[2] * 1e3, "ms", None),
    ]


def _seconds_until_drawn(browser: Browser, url: str) -> float:
    total = f"of {LONG_CURVES * LONG_EPOCHS:,} points"
    with open_page(browser) as page:
        note = page.locator(".panel-note", has_text=total).filter(has_not_text="reading")
        return seconds_until(
            lambda: page.goto(url, wait_until="commit", timeout=PATIENCE),
            lambda: note.wait_for(timeout=PATIENCE),
        )


def measure_slowdown(folder: Path, browser: Browser, rounds: int) -> Measurement:
    """How much longer a training takes while a page shows its curves, in alternation.

    All trainings are the same, each in a database of its own.
    """
    cache = folder / "cache"
    numbers = itertools.count()
    ratios = []
    for number in range(rounds + 1):
        seconds = {}
        for is_watched in (True, False) if number % 2 else (False, True):
            path = folder / f"training-{next(numbers)}.db"
            store.open_database(str(path), write=True, create=True).close()
            if is_watched:
                with running_board(path, cache) as board, open_page(browser) as page:
                    page.goto(f"{board.url}#view=curves")
                    expect(page.locator("#connection")).to_have_text("live", timeout=PATIENCE)
                    seconds[True] = _training_seconds(path, cache)
            else:
                seconds[False] = _training_seconds(path, cache)
        log(f"training: {seconds[True]:.1f} s with a page, {seconds[False]:.1f} s without one")
        ratios.append(seconds[True] / seconds[False])
    percent = sorted(100 * (ratio - 1) for ratio in ratios[1:])
    return Measurement(
        "training with an open page takes longer by"
        f" (single rounds: {percent[0]:.0f} % to {percent[-1]:.0f} %)",
        statistics.median(percent),
        "%",
        1.0,
    )


def _training_seconds(path: Path, cache: Path) -> float:
    options = ["--epochs", "200", "--device", "cpu", "--seed", "0", "--db", str(path), "-q"]
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "nnlab", "train", *options],
        check=True,
        env=environment(cache),
        cwd=path.parent,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def compare_tools(folder: Path, browser: Browser, rounds: int) -> list[tuple[str, str, float]]:
    """Seconds until a browser without a cache shows the first run, for each tool."""
    path = folder / "common.db"
    fill_database(path, COMMON_RUNS, epochs=COMMON_EPOCHS)
    rows = []
    with running_board(path, folder / "cache") as board:
        board.read("api/runs")
        shown = first_view_seconds(browser, board.url, ".runs-table tbody tr", rounds)
        rows.append(("nnlab", nnlab.__version__, shown))
    for name, open_tool in board_tools.TOOLS.items():
        log(name)
        data = folder / name
        data.mkdir()
        with open_tool(data, COMMON_RUNS, COMMON_EPOCHS) as tool:
            shown = first_view_seconds(browser, tool.url, f"text={tool.run_text}", rounds)
            rows.append((name, metadata.version(name), shown))
    return rows


def main() -> int:
    """Measures, and writes the page; the exit code is 1 if a goal is not met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=Path, help="folder with databases of an earlier call")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = arguments.databases or Path(name)
        measured = measure_tables(folder, browser)
        log("long curves")
        long_curves = existing_or_filled(folder / "long.db", fill_long_curves)
        measured += measure_long_curves(long_curves, browser)
        log("training")
        measured.append(measure_slowdown(Path(name), browser, ROUNDS))
        log("other tools")
        tools = compare_tools(Path(name), browser, 3)
    PAGE.write_text("\n".join(page_lines(measured, tools)), encoding="utf-8")
    return 0 if all(result.is_met for result in measured) else 1


def measure_tables(folder: Path, browser: Browser) -> list[Measurement]:
    """The table of 10,000 runs, and of 100,000 with a tenth of the epochs."""
    measured = []
    for file, runs, epochs in (("ten.db", RUNS, EPOCHS), ("hundred.db", 10 * RUNS, EPOCHS // 10)):
        log(f"{runs:,} runs")
        path = existing_or_filled(
            folder / file,
            partial(fill_database, runs=runs, seeds=2, epochs=epochs),
        )
        label = f"{runs:,} runs, {runs * epochs * len(METRICS) / 1e6:.0f} million points"
        has_goals = runs == RUNS
        measured += measure_requests(path, label, has_goals=has_goals)
        measured += measure_browser(path, label, browser, has_goals=has_goals)
    return measured


def existing_or_filled(path: Path, fill: Callable[[Path], object]) -> Path:
    """The database, filled if there is none yet."""
    if not path.exists():
        fill(path)
    return path


def log(message: str) -> None:
    """Prints what is measured next."""
    print(f"... {message}", file=sys.stderr, flush=True)


def page_lines(
    measured: Sequence[Measurement], tools: Sequence[tuple[str, str, float]]
) -> list[str]:
    """The lines of docs/performance-board.md."""
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    return [
        "# Performance of the board",
        "",
        "How fast `nnlab board` is with large databases; `make bench-board` repeats the",
        "measurements and generates this page. The server, the browser (headless Chromium without",
        "a cache) and the measured training share one machine. Answers are timed by a client, each",
        "after a change of the database, so that no cached answer is measured. First views by a",
        "server that has just started and views of long curves are single measurements. Times of",
        "the browser include loading the page.",
        "",
        f"**Machine:** {describe_machine()}, load {os.getloadavg()[0]:.1f}; nnlab"
        f" {nnlab.__version__}, {today}.",
        "",
        "| measurement | median | goal |",
        "| --- | ---: | ---: |",
        *(
            f"| {result.name} | {result.value:,.1f} {result.unit} |"
            f" {'' if result.limit is None else f'{result.limit:,.0f} {result.unit}'} |"
            for result in measured
        ),
        "",
        "## Compared with other tools",
        "",
        f"The same {COMMON_RUNS} runs of {COMMON_EPOCHS} epochs and {len(METRICS)} metrics: few,",
        "because some of the tools store slowly. TensorBoard has read all of them before. The time",
        "is from the request of the page until its first run is visible.",
        "",
        "| tool | first run visible |",
        "| --- | ---: |",
        *(f"| {name} {version} | {1e3 * seconds:,.0f} ms |" for name, version, seconds in tools),
        "",
    ]


if __name__ == "__main__":
    sys.exit(main())
