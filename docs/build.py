"""Makes the pages that come from the program, and checks that all pages hold together.

python docs/build.py            # writes commands.md, choices.md, rules.md
python docs/build.py --check    # fails where they are stale, or a link leads nowhere
"""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(ROOT))

from nnlab import catalogue  # noqa: E402  the tree beside this file, wherever it is run from
from nnlab.catalogue.metrics import MetricChoice  # noqa: E402
from nnlab.cli.main import COMMANDS  # noqa: E402
from nnlab.config.space import format_value  # noqa: E402
from nnlab.diagnosis import ALL_RULES  # noqa: E402
from nnlab.figures import KINDS  # noqa: E402

SUBCOMMANDS = {
    "probe": ("init", "sensitivity"),
    "plot": tuple(KINDS),
    "data": ("show", "fetch"),
    "db": ("status", "upgrade", "backup", "copy", "check", "gc"),
}
WIDTH = 100

# What the third column of a table of choices contains, if not options with their defaults.
_THIRD_COLUMNS = {"metric": "better, range"}

_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def commands_page() -> str:
    """Every command's help, as the terminal shows it."""
    parts = [
        "# Commands",
        "",
        "Made from `nnlab --help` by `make docs`. Every command takes `--debug` and `-h`.",
        "",
    ]
    for name in COMMANDS:
        for words in [[name], *([name, sub] for sub in SUBCOMMANDS.get(name, ()))]:
            parts += [f"## nnlab {' '.join(words)}", "", "```text", _help(words), "```", ""]
    return "\n".join(parts)


def _help(words: list[str]) -> str:
    answer = subprocess.run(
        [sys.executable, "-m", "nnlab", *words, "--help"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "TERMINAL_WIDTH": str(WIDTH), "COLUMNS": str(WIDTH), "NO_COLOR": "1"},
    )
    return "\n".join(line.rstrip() for line in answer.stdout.strip("\n").splitlines())


def choices_page() -> str:
    """Every row of the catalogues."""
    parts = [
        "# Choices",
        "",
        "What `nnlab choices` lists, made by `make docs`. An option named in the third column",
        "matters with that choice and has that default there.",
        "",
    ]
    for kind, rows in catalogue.CATALOGUES.items():
        parts += [
            f"## {kind}",
            "",
            f"| name | what it is | {_THIRD_COLUMNS.get(kind, 'options and defaults')} | source |",
            "| --- | --- | --- | --- |",
        ]
        for row in rows:
            options = ", ".join(
                f"{name} {format_value(value)}" for name, value in row.defaults.items()
            )
            if isinstance(row, MetricChoice):
                options = row.range_text
            parts.append(f"| `{row.name}` | {row.summary} | {options} | {row.source} |")
        parts.append("")
    return "\n".join(parts)


def findings_page() -> str:
    """Every rule, in its own words."""
    parts = [
        "# Rules",
        "",
        "Made from the rules by `make docs`; `nnlab explain CODE` prints the same. How they are",
        "used is in [diagnosing.md](diagnosing.md), how often they are right in",
        "[diagnosis.md](diagnosis.md).",
        "",
    ]
    for rule in ALL_RULES:
        text = inspect.cleandoc(type(rule).__doc__ or "")
        for title in ("Detects:", "Why it matters:", "What to try:"):
            text = text.replace(title, f"**{title}**")
        parts += [f"## {rule.code} {rule.name}", "", text, ""]
    return "\n".join(parts)


PAGES = {
    DOCS / "commands.md": commands_page,
    DOCS / "choices.md": choices_page,
    DOCS / "rules.md": findings_page,
}


def dead_links() -> list[str]:
    """Links between our own pages, or to a picture, that lead nowhere."""
    found = []
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in _LINK.findall(page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                found.append(f"{page.relative_to(ROOT)}: {target} is not there")  # noqa: PERF401
    return found


def main() -> int:
    """Writes the pages, or with --check tells what is stale."""
    if sys.argv[1:] == ["--check"]:
        problems = [
            f"{page.relative_to(ROOT)} is stale: run `make docs`"
            for page, make in PAGES.items()
            if not page.exists() or page.read_text(encoding="utf-8") != make()
        ] + dead_links()
        print("\n".join(problems) or "docs: pages are fresh, links lead somewhere")
        return int(bool(problems))
    for page, make in PAGES.items():
        page.write_text(make(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
