"""Runs every benchmark and writes docs/performance.md.

    make bench

Ratios compare neighbours in time; single figures are medians. Both are of this machine only.
"""

import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import many_trials
import reading
import reporting
import storing
import torch
import training_loop
import widths
from measure import Compared, machine
from start_up import measure as measure_start_up

import nnlab

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"

_INTRO = """# Performance

Made by `make bench`. Shared machines drift by half and more between minutes, so both sides of a
ratio run in turn within one benchmark; what is shown are medians over the rounds, and the median of
the ratios pair by pair. A goal is met when the ratio holds. A PostgreSQL server under 200 workers,
and with ten million points, is measured [by itself](performance-server.md).
"""


def main() -> int:
    """Measures, writes the page, and fails where a goal is not met."""
    compared: list[Compared] = []
    measured: list[storing.Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        single, seeded = Path(folder) / "single.db", Path(folder) / "seeded.db"
        _say("filling a database of 10,000 runs")
        storing.fill(single)
        storing.fill(seeded, seeds=3)
        _say("start-up")
        compared += measure_start_up(single)
        _say("ranking")
        measured += storing.ranking(single, "10,000 runs, a trial each")
        measured += storing.ranking(seeded, "10,000 runs, three seeds a trial")
        _say("commands on large databases")
        measured += reading.large(single, storing.RUNS)
        huge = Path(folder) / "huge.db"
        storing.fill(huge, 10 * storing.RUNS, epochs=10)
        measured += reading.large(huge, 10 * storing.RUNS)
    _say("reading while 32 processes write")
    measured += reading.crowded()
    _say("a report")
    measured += reporting.measure()
    _say("writing")
    measured.append(storing.epoch_write())
    bulk, size = storing.bulk_import()
    compared.append(bulk)
    measured.append(size)
    _say("the loop")
    compared += training_loop.measure()
    _say("many trials")
    compared += many_trials.measure()
    _say("how many at once")
    planned = widths.measure()
    PAGE.write_text(_page(compared, measured, planned), encoding="utf-8")
    print(PAGE.read_text(encoding="utf-8"))
    missed = [one.name for one in compared if not one.met]
    missed += [one.name for one in measured if not one.met]
    missed += [f"{one.kind}, {one.runs} runs" for one in planned if not one.met]
    if missed:
        print("goals not met:", "; ".join(missed), file=sys.stderr)
    return int(bool(missed))


def _say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


def _page(
    compared: list[Compared], measured: list[storing.Measured], planned: list[widths.Widths]
) -> str:
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    lines = [
        _INTRO,
        f"**Machine:** {machine()}, torch {torch.__version__}, no GPU used;"
        f" nnlab {nnlab.__version__}, {today}.",
        "",
        "## Side by side",
        "",
        "| what | ours (ms) | reference | its time (ms) | ratio | goal |",
        "| --- | ---: | --- | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {one.name} | {one.ours_seconds * 1e3:.1f} | {one.reference} |"
        f" {one.reference_seconds * 1e3:.1f} | {one.ratio:.3f} |"
        f" {one.goal:.3g}{'' if one.met else ' (not met)'} |"
        for one in compared
    ]
    lines += [
        "",
        "## Single figures",
        "",
        "| what | median | limit |",
        "| --- | ---: | ---: |",
    ]
    lines += [f"| {one.name} | {one.value:.2f} {one.unit} | {_limit(one)} |" for one in measured]
    lines += ["", *_planned(planned)]
    return "\n".join([*lines, ""])


def _planned(planned: list[widths.Widths]) -> list[str]:
    return [
        "## How many at once",
        "",
        "Milliseconds of an epoch of one run, in one process, stored: trained alone, all as one",
        "stack, and as the planner chose; its ratio to the better of both is to be at most"
        f" {widths.GOAL}.",
        f"Epochs of {widths.EXAMPLES:,} examples or so. A stack of one run is that run alone: what",
        "its two times differ by is the noise.",
        "",
        "| kind | runs | alone | stacked | planned | ratio |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        *(
            f"| {one.kind} | {one.runs} |"
            + "".join(f" {1e3 * one.seconds[engine]:.2f} |" for engine in widths.ENGINES)
            + f" {one.ratio:.3f}{'' if one.met else ' (not met)'} |"
            for one in planned
        ),
    ]


def _limit(one: storing.Measured) -> str:
    if one.limit is None:
        return ""
    return f"{one.limit:g} {one.unit}{'' if one.met else ' (not met)'}"


if __name__ == "__main__":
    sys.exit(main())
