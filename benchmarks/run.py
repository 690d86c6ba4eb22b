"""Runs every benchmark and writes docs/performance.md.

    make bench

Ratios compare consecutive measurements; other values are medians. Both depend on the machine.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import batch_planner
import command_latency
import importing
import loader_loop
import report_speed
import small_study
import store_speed
import table_reading
import torch
import training_loop
from start_up import measure as measure_start_up
from timing import TimingComparison, describe_machine

import nnlab

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

_INTRO = """# Performance

How fast nnlab is, compared with the same work without nnlab; `make bench` repeats the measurements
and generates this page. A PostgreSQL server is measured [separately](performance-server.md).

The speed of a shared machine changes by half or more between minutes, so both sides of a ratio
run alternately within one benchmark. The tables show medians over the rounds, and the median of
the paired ratios. A goal is an upper limit of the ratio.
"""


def main() -> int:
    """Runs all benchmarks and writes the page; the exit code is 1 if a goal is not met."""
    comparisons: list[TimingComparison] = []
    measurements: list[store_speed.Measurement] = []
    with tempfile.TemporaryDirectory() as folder:
        single, seeded = Path(folder) / "single.db", Path(folder) / "seeded.db"
        _log("filling a database of 10,000 runs")
        store_speed.fill_database(single)
        store_speed.fill_database(seeded, seeds=3)
        _log("start-up")
        comparisons += measure_start_up(single)
        _log("ranking")
        measurements += store_speed.measure_ranking(single, "10,000 runs, one per trial")
        measurements += store_speed.measure_ranking(seeded, "10,000 runs, three seeds per trial")
        _log("commands on large databases")
        measurements += command_latency.on_large_database(single, store_speed.RUNS)
        huge = Path(folder) / "huge.db"
        store_speed.fill_database(huge, 10 * store_speed.RUNS, epochs=10)
        measurements += command_latency.on_large_database(huge, 10 * store_speed.RUNS)
    _log("reading while 32 processes write")
    measurements += command_latency.with_writers()
    _log("report")
    measurements += report_speed.measure()
    _log("writing epochs")
    measurements.append(store_speed.measure_epoch_write())
    bulk, size = store_speed.measure_bulk_import()
    comparisons.append(bulk)
    measurements.append(size)
    _log("reading tables")
    with tempfile.TemporaryDirectory() as tables:
        comparisons += table_reading.measure(Path(tables))
    _log("training loop")
    comparisons += training_loop.measure()
    _log("training loop over a loader")
    with tempfile.TemporaryDirectory() as streamed:
        comparisons += loader_loop.measure(Path(streamed))
        measurements += loader_loop.measure_memory(Path(streamed))
    _log("study of small runs")
    comparisons += small_study.measure()
    _log("batch planner")
    planner_results = batch_planner.measure()
    _log("importing logs")
    logs = importing.measure_section()
    PAGE.write_text(_page(comparisons, measurements, planner_results, logs), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    missed = [result.name for result in comparisons if not result.is_met]
    missed += [result.name for result in measurements if not result.is_met]
    missed += [
        f"{result.kind}, {result.runs} runs" for result in planner_results if not result.is_met
    ]
    if missed:
        print("goals not met:", "; ".join(missed), file=sys.stderr)
    return int(bool(missed))


def _log(message: str) -> None:
    print(f"... {message}", file=sys.stderr, flush=True)


def _page(
    comparisons: list[TimingComparison],
    measurements: list[store_speed.Measurement],
    planner_results: list[batch_planner.PlannerComparison],
    logs: str,
) -> str:
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        _INTRO,
        f"**Machine:** {describe_machine()}, torch {torch.__version__}, no GPU used;"
        f" nnlab {nnlab.__version__}, {today}.",
        "",
        "## Comparisons",
        "",
        "| benchmark | nnlab (ms) | reference | its time (ms) | ratio | goal |",
        "| --- | ---: | --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {result.name} | {result.ours_seconds * 1e3:.1f} | {result.reference} |"
        f" {result.reference_seconds * 1e3:.1f} | {result.ratio:.3f} |"
        f" {result.goal:.3g}{'' if result.is_met else ' (not met)'} |"
        for result in comparisons
    ]
    lines += [
        "",
        "## Single values",
        "",
        "| benchmark | median | limit |",
        "| --- | ---: | ---: |",
    ]
    lines += [
        f"| {result.name} | {result.value:.2f} {result.unit} | {_limit(result)} |"
        for result in measurements
    ]
    lines += ["", *_planner_section(planner_results), "", logs.rstrip("\n")]
    return "\n".join([*lines, ""])


def _planner_section(results: list[batch_planner.PlannerComparison]) -> list[str]:
    return [
        "## Batch planner",
        "",
        "Milliseconds per epoch and run in one process, including storing: runs trained one by",
        "one, all runs in one batch, and as the planner chose. The ratio is that of the planner to",
        f"the faster of both; its goal is at most {batch_planner.GOAL}. An epoch has about"
        f" {batch_planner.EXAMPLES:,} examples.",
        "A batch of one run equals a single run: the difference of its two times is noise.",
        "",
        "| kind | runs | single | batched | planner | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {result.kind} | {result.runs} |"
            + "".join(f" {1e3 * result.seconds[engine]:.2f} |" for engine in batch_planner.ENGINES)
            + f" {result.ratio:.3f}{'' if result.is_met else ' (not met)'} |"
            for result in results
        ),
    ]


def _limit(result: store_speed.Measurement) -> str:
    if result.limit is None:
        return ""
    return f"{result.limit:g} {result.unit}{'' if result.is_met else ' (not met)'}"


if __name__ == "__main__":
    sys.exit(main())
