"""The caption of a figure as LaTeX text, written beside it with `--caption`.

A caption says what the figure shows, on how many trials and seeds, what its bands and error bars
mean, which test with which correction was used, and what is not drawn.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING, Final

from nnlab import store
from nnlab.analysis.comparable import not_ranked_note
from nnlab.analysis.external_data import data_of
from nnlab.analysis.ranking import rank
from nnlab.analysis.records import RankingRequest
from nnlab.analysis.scope import resolve_scope
from nnlab.errors import NnlabError
from nnlab.figures.draw.display_names import (
    metric_name,
    quantity_name,
    quantity_of,
    setting_phrase,
    split_of,
    value_name,
)
from nnlab.figures.draw.reader_options import current_reader_options
from nnlab.figures.prepared_figure import PreparedFigure
from nnlab.figures.provenance import FigureRequest
from nnlab.io.escaping import escape_latex
from nnlab.io.text import format_count, join_names
from nnlab.records import Run, Status
from nnlab.stats.uncertainty import uncertainty_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# What a kind of figure shows; `{metric}` is the name of its metric.
_DESCRIPTIONS: Final[Mapping[str, str]] = {
    "curves": "Training and validation curves, {metric} over epochs",
    "gap": "Training against validation {metric}; the difference is shaded",
    "lr": "The learning rate over epochs",
    "time": "{metric} against its cost",
    "ranking": "Trials ranked by {metric}",
    "sweep": "{metric} against {settings}",
    "heatmap": "{metric} over {settings}",
    "interaction": "Mean {metric} over all other settings; lines that are not parallel show an"
    " interaction",
    "parallel": "The settings of all trials and their {metric}",
    "effects": "Shares of the variance of {metric} that settings and their pairs explain",
    "profile": "Performance profiles: the share of runs above each score, from {metric}",
    "activations": "Statistics of the activations of each layer over epochs",
    "gradients": "Statistics of the gradients of each layer over epochs",
    "init": "Distribution of the signals in untrained models, layer by layer",
    "surface": "Paths of optimizers on losses of two weights, and the loss over the gradient"
    " evaluations",
    "norm": "The values of a batch that share a mean in batch, layer, instance and group"
    " normalisation, and the mean and sd of each channel and each example before and after it",
    "landscape": "The loss around the trained weights, along random directions and in a plane",
    "interpolation": "Metrics on the straight line between the weights of two runs, as they are and"
    " with matched hidden units",
    "confusion": "Confusion matrix of the selected weights",
    "calibration": "Reliability diagram: accuracy against predicted confidence",
    "examples": "The examples with the largest losses",
    "remedy": "The effect of each remedy on {metric}",
    "gate": "The effect of each tested change on {metric}, in the order of the tests",
    "compare": "Two trials: their {metric}, and their difference for every seed",
    "critical-difference": "Average ranks of methods over data sets, from {metric}",
    "pareto": "{metric} against a cost, with the Pareto front",
    "seeds": "{metric} of every seed",
    "scaling": "{metric} over a budget, with a fitted power law",
    "dependence": "{metric} over each setting, averaged over the other settings",
    "find-lr": "Learning rate range test",
    "find-decay": "Training loss of a run, and the epoch from which it no longer falls",
}
# Kinds whose bands or error bars show the uncertainty of a mean over seeds.
_WITH_UNCERTAINTY: Final = frozenset(
    ("curves", "time", "ranking", "sweep", "interaction", "compare", "remedy", "seeds")
)
# A legend entry that names what a band or an error bar shows.
_UNCERTAINTY = re.compile(r"interval|\bCI\b|\bsd\b|standard error|\brange\b")
# Clauses of notes that advise what to do next; they help in a terminal only.
_COMMAND = re.compile(r"(^|\s)--\w|\bnnlab\b|\bseeds would\b")
_MAX_NAMED_DATA: Final = 4
_METRIC_OPTIONS: Final = ("by", "metric")


@dataclass(frozen=True, slots=True)
class CaptionFacts:
    """What the caption of a figure, or of one panel, says apart from its legend.

    `kind` is the kind of figure, `content` says what it shows, `sample` on how many trials and
    seeds, and `notes` what else a reader must know.
    """

    kind: str
    content: str
    sample: str
    notes: tuple[str, ...]


def caption_facts(
    db: store.Database | None, request: FigureRequest, prepared: PreparedFigure
) -> tuple[CaptionFacts, ...]:
    """The facts for the caption of a figure; those of each panel of a composed figure."""
    if prepared.panels:
        pairs = zip(request.parts, prepared.panels, strict=True)
        return tuple(fact for part, panel in pairs for fact in caption_facts(db, part, panel))
    metric = _metric_text(db, request, prepared)
    template = _DESCRIPTIONS.get(request.kind, f"{request.kind.replace('-', ' ')}: {{metric}}")
    content = template.replace("{metric}", metric) if metric else template.split(", {metric}")[0]
    content = content.replace("{metric}", "the objective")
    content = content.replace("{settings}", _settings_text(request, prepared))
    written = (note for note in prepared.notes if not _names_other_data(note))
    notes = (*prepared.caption, *filter(None, map(_without_commands, written)))
    return (CaptionFacts(request.kind, content, _sample_text(db, prepared.runs), notes),)


def caption_tex(facts: Sequence[CaptionFacts], drawn: "Figure") -> str:
    r"""A LaTeX file with the `\caption` of a drawn figure, for `\input` in its environment."""
    figures: Sequence[Figure] = [drawn]
    if len(facts) > 1:
        figures = [panel for panel, _, _ in drawn.panels]  # type: ignore[attr-defined]
    texts = []
    for letter, fact, figure in zip(ascii_lowercase, facts, figures, strict=False):
        sentences = [fact.content, fact.sample, _uncertainty_text(fact, [figure, drawn])]
        text = " ".join(map(_sentence, filter(None, (*sentences, *fact.notes))))
        texts.append(f"({letter}) {text}" if len(facts) > 1 else text)
    return f"\\caption{{{escape_latex(' '.join(texts))}}}\n"


def _sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    text = " ".join(text.split())
    first = text[:1] if text.startswith("n = ") else text[:1].upper()
    return f"{first}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}"


def _without_commands(note: str) -> str:
    """The clauses of a note that do not advise what to do next."""
    return "; ".join(part for part in re.split(r"; ", note) if not _COMMAND.search(part))


def _metric_text(
    db: store.Database | None, request: FigureRequest, prepared: PreparedFigure
) -> str:
    """The names of the metrics of a figure in lower case; empty if it has none."""
    if db is None or "{metric}" not in _DESCRIPTIONS.get(request.kind, "{metric}"):
        return ""
    metrics: Iterable[str] = _metrics_in_table(prepared)
    if not metrics:
        chosen = next((request.options[n] for n in _METRIC_OPTIONS if request.options.get(n)), None)
        if isinstance(chosen, list | tuple):
            metrics = map(str, chosen)
        elif request.kind == "gap":
            metrics = [str(chosen or "loss")]
        else:
            metrics = [_objective(db, request.words, chosen)]
    panels: dict[str, list[str]] = {}
    for metric in filter(None, metrics):
        panels.setdefault(quantity_of(metric), []).append(metric)
    names = (
        metric_name(splits[0]) if len(splits) == 1 else quantity_name(quantity)
        for quantity, splits in panels.items()
    )
    return " and ".join(dict.fromkeys(name[:1].lower() + name[1:] for name in names))


def _settings_text(request: FigureRequest, prepared: PreparedFigure) -> str:
    """The settings of the axes, from the first two columns of the numbers."""
    if request.kind not in ("sweep", "heatmap"):
        return ""
    line, x = prepared.table.columns[:2]
    names = [setting_phrase(field) for field in (x, line) if field != "line"]
    return (" for each " if request.kind == "sweep" else " and ").join(names)


def _names_other_data(note: str) -> bool:
    """Whether a note only names other data sets, which the text on the sample makes clear."""
    return note.startswith(not_ranked_note([""])) and "=" not in note


def _metrics_in_table(prepared: PreparedFigure) -> list[str]:
    """The metrics in the column `metric` of the numbers, such as `val/loss`."""
    columns = prepared.table.columns
    if "metric" not in columns:
        return []
    position = columns.index("metric")
    values = dict.fromkeys(str(row[position]) for row in prepared.table.rows)
    return [value for value in values if split_of(value) is not None]


def _objective(db: store.Database, words: Sequence[str], by: str | None) -> str:
    """The metric by which trials are ranked; empty if they cannot be ranked."""
    try:
        request = RankingRequest(by=by, top=1, mixed=True)
        return rank(db, resolve_scope(db, words), request).objective.metric
    except NnlabError:
        return ""


def _sample_text(db: store.Database | None, ids: Sequence[int]) -> str:
    """On how many trials and seeds a figure is based; empty without runs."""
    if db is None or not ids:
        return ""
    runs = store.runs(db, run_ids=ids)
    seeds = Counter(run.trial.id for run in runs)
    least, most = min(seeds.values()), max(seeds.values())
    number = format_count(most, "seed") if least == most else f"{least} to {most} seeds"
    of = "one trial" if len(seeds) == 1 else f"each of {len(seeds)} trials"
    diverged = sum(run.status is Status.DIVERGED for run in runs)
    note = f"; {diverged} of the {format_count(len(runs), 'run')} diverged" if diverged else ""
    return f"n = {number} of {of}{_data_text(runs)}{note}"


def _data_text(runs: Sequence[Run]) -> str:
    """On which data sets runs were trained, such as ` on Iris and Wine`."""
    values = dict.fromkeys(data_of(run.trial.setting) for run in runs)
    names = [value_name("data", value) for value in values if value is not None]
    if len(names) > _MAX_NAMED_DATA:
        return f" on {len(names)} data sets"
    return f" on {join_names(names)}" if names else ""


def _uncertainty_text(fact: CaptionFacts, figures: Iterable["Figure"]) -> str:
    """What bands and error bars show, as the legend says; empty for kinds without them."""
    # matplotlib is imported only when a figure is drawn.
    from matplotlib.legend import Legend

    if fact.kind not in _WITH_UNCERTAINTY:
        return ""
    for figure in figures:
        for legend in figure.findobj(Legend):
            for text in legend.get_texts():
                if _UNCERTAINTY.search(text.get_text()):
                    return f"Bands and error bars: {text.get_text().removeprefix('mean, ')}"
    name = uncertainty_name(current_reader_options().uncertainty)
    return f"Bands and error bars: {name} of the mean over the seeds"
