"""`nnlab plot --all STUDY`: every kind of figure that applies to a study, with captions."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import Ranking, RankingRequest
from nnlab.analysis.scope import resolve_scope
from nnlab.cli.figures.plot.figure_command import FigureCall, draw_figure
from nnlab.cli.figures.plot.figure_words import parse_figure_command, plot_group
from nnlab.cli.open_database import open_db
from nnlab.cli.output.render import note, say
from nnlab.errors import NnlabError, UsageError
from nnlab.figures.kind_table import KINDS
from nnlab.figures.output import caption_file_of
from nnlab.io.command_line import quote_command
from nnlab.io.file_origin import is_unedited_text, marked_text, not_replaceable_error
from nnlab.io.files import write_atomic

INDEX_NAME = "figures.tex"
# Kinds that are not about the results of a study, and why.
_NOT_ABOUT_STUDIES: Mapping[str, str] = {
    "init": "shows untrained models",
    "surface": "shows losses of two weights",
    "norm": "shows an untrained layer",
    "find-lr": "trains models of a setting",
    "find-decay": "shows a single run",
    "compose": "joins other figures",
}
_MAX_WORDS = 200  # letters of the reason why a figure is skipped


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the commands of some kinds need: the best runs, and the field to compare."""

    best_runs: tuple[str, ...]
    field: str | None


def draw_all(
    studies: Sequence[str], folder: Path, page: Mapping[str, Any], *, force: bool, db: str | None
) -> None:
    """Draws each kind of figure that applies to studies into a file, with captions and an index.

    Kinds that do not apply are skipped, and the reason is printed. Code of user-defined models is
    not executed, because no run is named.

    Args:
        studies: names of studies.
        folder: where the files are written.
        page: options of the page of all figures.
        force: replace files that nnlab did not create.
        db: the database.

    Raises:
        UnknownName: no such study.
        UsageError: nothing can be drawn.
        OutputError: a file cannot be written, or the index was edited.
    """
    index = folder / INDEX_NAME
    if not force and index.exists() and not is_unedited_text(index):
        raise not_replaceable_error(index)
    with open_db(db) as database:
        facts = study_facts(database, studies)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for number, kind in enumerate(KINDS, 1):
        path = folder / f"{kind}.pdf"
        try:
            call = call_for_studies(kind, studies, facts)
            request = replace(call.request, page={**page, **call.request.page})
            draw_figure(FigureCall(request, (path,), caption=True, force=force, db=db))
        except NnlabError as error:
            reason = " ".join(error.message.split())[:_MAX_WORDS]
            note(f"{number}/{len(KINDS)} {kind} skipped: {reason}")
        else:
            drawn.append(path)
    if not drawn:
        raise UsageError(f"no kind of figure can be drawn of {', '.join(studies)}")
    write_atomic(index, marked_text(_index_tex(drawn, spans=page.get("columns") == 2)).encode())
    say(f"{index}: {len(drawn)} of {len(KINDS)} kinds of figures")


def call_for_studies(kind: str, studies: Sequence[str], facts: StudyFacts) -> FigureCall:
    """The command that draws a kind of figure of studies.

    Raises:
        UsageError: the kind does not apply.
    """
    if kind in _NOT_ABOUT_STUDIES:
        raise UsageError(_NOT_ABOUT_STUDIES[kind])
    if kind == "compare" and len(facts.best_runs) == 2:
        return parse_figure_command([kind, *facts.best_runs])
    words = [kind, *studies]
    for option in _required_options(kind):
        if option != "across" or facts.field is None:
            raise UsageError(f"needs --{option}: {quote_command('nnlab', 'plot', *words)} ...")
        words += ["--across", facts.field]
    return parse_figure_command(words)


def _required_options(kind: str) -> Iterator[str]:
    for parameter in plot_group().commands[kind].params:
        if parameter.required and parameter.param_type_name == "option":
            yield str(parameter.name)


def study_facts(db: store.Database, studies: Sequence[str]) -> StudyFacts:
    """The best runs of studies, and the field whose values they compare.

    Raises:
        UnknownName: no such study.
        UsageError: a name is that of a run.
    """
    scope = resolve_scope(db, studies)
    if scope.studies is None:
        raise UsageError(
            f"--all needs studies, {scope.title} are runs", hint="nnlab studies lists them"
        )
    ranking = rank(db, scope, RankingRequest(mixed=True))
    best_runs = tuple(str(row.runs[0]) for row in ranking.rows[:2])
    return StudyFacts(best_runs, _main_field(ranking))


def _main_field(ranking: Ranking) -> str | None:
    """The field whose values are compared: the first with words as values, or else the first."""
    fields = [field for field in ranking.setting_fields if field != "data"]
    words = [
        field
        for field in fields
        if all(isinstance(row.setting.get(field), str) for row in ranking.rows)
    ]
    return next(iter([*words, *fields]), None)


def _index_tex(paths: Sequence[Path], *, spans: bool) -> str:
    r"""LaTeX that includes the figures; `\input` it from a document beside their folder."""
    environment = "figure*" if spans else "figure"
    folder = paths[0].parent.name
    lines = [f"% Needs \\usepackage{{graphicx}}; \\input{{{folder}/{INDEX_NAME}}}"]
    for path in paths:
        label = re.sub(r"[^\w-]", "-", path.stem)
        lines += [
            f"\\begin{{{environment}}}[t]",
            "  \\centering",
            f"  \\includegraphics{{{folder}/{path.name}}}",
            f"  \\input{{{folder}/{caption_file_of(path).name}}}",
            f"  \\label{{fig:{label}}}",
            f"\\end{{{environment}}}",
        ]
    return "\n".join(lines) + "\n"
