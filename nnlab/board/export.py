"""Writes the board as one file: the page with the answers to what its views ask for."""

import base64
import gzip
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import permutations
from pathlib import Path
from typing import Any

from nnlab import store
from nnlab.analysis.scope import current_runs
from nnlab.board.context import BoardContext
from nnlab.board.endpoints import Endpoint, endpoints
from nnlab.board.file_types import is_image_type, sniff_content_type
from nnlab.board.finite_values import replace_non_finite
from nnlab.board.parameters import Parameters
from nnlab.board.views.curves import MAX_METRICS
from nnlab.board.views.runs import PAGE_SIZE
from nnlab.errors import NnlabError, UsageError
from nnlab.io.file_origin import check_replaceable
from nnlab.io.files import check_writable, write_atomic
from nnlab.records import Run
from nnlab.version import nnlab_version
from nnlab.web.assets import asset_text
from nnlab.web.page_frame import build_page_frame

MAX_RUNS = 500
MAX_BYTES = 5_000_000
# The numbers of points of a curve that are tried, until the file is small enough.
_BUCKETS = (400, 200, 100, 50, 25)
# Any two of so many runs can be compared in the file.
_MAX_PAIRED_RUNS = 8
_MAX_STUDIES = 20
_MAX_IMAGE_BYTES = 150_000
_MAX_ALL_IMAGE_BYTES = 1_500_000
# Views that show all runs, or those of one study.
_SCOPE_ANSWERS = ("ranking", "findings", "settings", "settings/importance", "queue")


def export_board(context: BoardContext, path: Path, *, force: bool) -> int:
    """Writes the page of a scope as one file; returns its size in bytes.

    Args:
        context: the database and the runs that the page shows.
        path: the file.
        force: whether a file that nnlab did not create is replaced.

    Raises:
        UsageError: the scope has too many runs.
        OutputError: the file cannot be written, or exists and nnlab did not create it.
    """
    check_writable(path)
    check_replaceable([path], force=force)
    runs = current_runs(context.db, context.scope)
    if len(runs) > MAX_RUNS:
        raise UsageError(
            f"an exported page shows at most {MAX_RUNS} runs, not {len(runs):,}",
            hint="name a study, or runs by number",
        )
    reader = _AnswerReader(context)
    answers = {**_answers_of_scopes(reader, runs), **_answers_of_runs(reader, runs)}
    page = b""
    for buckets in _BUCKETS:
        curves = _curves(reader, runs, buckets)
        page = _page({**answers, "curves": curves}, context).encode()
        if len(page) <= MAX_BYTES:
            break
    write_atomic(path, page)
    return len(page)


class _AnswerReader:
    """Calls the functions that answer the requests of the page."""

    def __init__(self, context: BoardContext) -> None:
        self.context = context
        self._endpoints: Mapping[str, Endpoint] = endpoints()

    def read(self, name: str, **parameters: object) -> Mapping[str, Any]:
        """The answer to a request; one with `error` if there is none."""
        texts = {key: str(value) for key, value in parameters.items() if value not in ("", None)}
        try:
            return self._endpoints[name](self.context, Parameters(texts))
        except NnlabError as error:
            return {"error": str(error)}


def _answers_of_scopes(reader: _AnswerReader, runs: Sequence[Run]) -> dict[str, Any]:
    """The answers about all runs, and by `NAME?STUDY` about those of each study."""
    studies = list(dict.fromkeys(run.trial.study for run in runs))[:_MAX_STUDIES]
    names = ["", *studies] if len(studies) > 1 else [""]
    answers: dict[str, Any] = {
        f"{name}?{study}": reader.read(name, study=study)
        for name in _SCOPE_ANSWERS
        for study in names
    }
    if len(studies) == 1:
        answers |= {f"{name}?{studies[0]}": answers[f"{name}?"] for name in _SCOPE_ANSWERS}
    listed = reader.read("studies")["studies"]
    answers["studies"] = {"studies": [study for study in listed if study["name"] in studies]}
    answers["runs"] = _all_rows(reader, runs)
    answers["trials"] = list(_all_trials(reader))
    answers["evidence"] = {
        f"{case['run']} {finding['code']}": reader.read(
            "findings/evidence", run=case["run"], code=finding["code"]
        )
        for finding in answers["findings?"].get("findings", ())
        for case in finding["cases"]
    }
    return answers


def _all_rows(reader: _AnswerReader, runs: Sequence[Run]) -> Mapping[str, Any]:
    """The rows of all runs, each with every field of its setting and every metric."""
    rows: list[Mapping[str, Any]] = []
    settings: set[str] = set()
    metrics: set[str] = set()
    for page in range(1, -(-len(runs) // PAGE_SIZE) + 1):
        answer = reader.read("runs", page=page)
        rows += answer["rows"]
        settings |= set(answer["settings"])
        metrics |= set(answer["metrics"])
    by_id = {run.id: run for run in runs}
    summaries = store.summaries(reader.context.db, list(by_id))
    for row in rows:
        run = by_id[row["run"]]
        row["cells"].update({f"setting:{name}": value for name, value in run.trial.setting.items()})
        for name, summary in summaries.get(run.id, {}).items():
            row["cells"].update({f"best:{name}": summary.best, f"last:{name}": summary.last})
    return {"rows": rows, "settings": sorted(settings), "metrics": sorted(metrics)}


def _all_trials(reader: _AnswerReader) -> Iterator[Mapping[str, Any]]:
    """The pages of the table of trials."""
    page = 1
    while True:
        answer = reader.read("runs/trials", page=page)
        yield {key: answer.get(key) for key in ("metric", "direction", "trials")}
        if page * PAGE_SIZE >= answer.get("total", 0):
            return
        page += 1


def _answers_of_runs(reader: _AnswerReader, runs: Sequence[Run]) -> dict[str, Any]:
    embed = _image_embedder(reader.context, runs)
    paired = [run.id for run in runs[-_MAX_PAIRED_RUNS:]]
    return {
        "run": {run.id: embed(reader.read("run", run=run.id)) for run in runs},
        "layers": {run.id: reader.read("run/layers", run=run.id) for run in runs},
        "logs": {run.id: reader.read("run/log", run=run.id) for run in runs},
        "pairs": {
            f"{a} {b}": {
                "two_runs": reader.read("two_runs", a=a, b=b),
                "two_runs/curves": reader.read("two_runs/curves", a=a, b=b),
            }
            for a, b in permutations(paired, 2)
        },
    }


def _image_embedder(
    context: BoardContext, runs: Sequence[Run]
) -> Callable[[Mapping[str, Any]], Mapping[str, Any]]:
    """A function that replaces the addresses of files: small images by their data, else by null."""
    by_id = {run.id: run for run in runs}
    left = _MAX_ALL_IMAGE_BYTES

    def address(run: Run, file: Mapping[str, Any]) -> str | None:
        nonlocal left
        if not file["is_image"] or not file["address"] or file["bytes"] > _MAX_IMAGE_BYTES:
            return None
        artifact_id = int(file["address"].rpartition("/")[2])
        try:
            path = store.artifact_path(context.db, run, artifact_id)
            content, content_type = path.read_bytes(), sniff_content_type(path)
        except (NnlabError, OSError):
            return None
        if not is_image_type(content_type) or len(content) > min(left, _MAX_IMAGE_BYTES):
            return None
        left -= len(content)
        return f"data:{content_type};base64,{base64.b64encode(content).decode()}"

    def embed(answer: Mapping[str, Any]) -> Mapping[str, Any]:
        if "files" not in answer:
            return answer
        run = by_id[answer["run"]]
        return {
            **answer,
            "files": [{**file, "address": address(run, file)} for file in answer["files"]],
        }

    return embed


def _curves(reader: _AnswerReader, runs: Sequence[Run], buckets: int) -> Mapping[str, Any]:
    """The lines of all metrics by `mean` or `lines`, each with at most some points."""
    ids = ",".join(str(run.id) for run in runs)
    curves: dict[str, Any] = {}
    for seeds in ("mean", "lines"):
        index = reader.read("curves/index", runs=ids, seeds=seeds)
        if "error" in index:
            return {}
        names = [metric["name"] for metric in index["metrics"]]
        lines: dict[str, Any] = {}
        answer: Mapping[str, Any] = {}
        for start in range(0, len(names), MAX_METRICS):
            answer = _complete_lines(
                reader, ids, names[start : start + MAX_METRICS], seeds, buckets
            )
            lines |= answer.get("metrics", {})
        curves[seeds] = {"index": {**index, "axes": [""]}, "lines": lines, "x": answer.get("x")}
    return curves


def _complete_lines(
    reader: _AnswerReader, ids: str, names: Sequence[str], seeds: str, buckets: int
) -> Mapping[str, Any]:
    """The answer of the curves after all long curves have been read."""
    while True:
        answer = reader.read(
            "curves/data", runs=ids, metrics=json.dumps(names), seeds=seeds, buckets=buckets
        )
        if not any(lines["pending"] for lines in answer.get("metrics", {}).values()):
            return answer


def _page(data: Mapping[str, Any], context: BoardContext) -> str:
    """The HTML of the page with its data, compressed."""
    text = json.dumps(replace_non_finite(data), separators=(",", ":"), allow_nan=False)
    compressed = base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()
    style = asset_text("shared/style.css") + asset_text("board/style.css")
    source = {
        "compressed": compressed,
        "source": f"nnlab {nnlab_version()}, {context.scope.title}",
    }
    frame = build_page_frame("board/main.js", style=style, data={"board-data": source})
    page = (files("nnlab.web") / "board" / "page.html").read_text(encoding="utf-8")
    head = (
        f'<meta http-equiv="Content-Security-Policy" content="{frame.policy}">\n'
        f'<meta name="generator" content="nnlab {nnlab_version()}">\n{frame.style}\n'
    )
    lines = [
        line
        for line in page.splitlines()
        if 'rel="stylesheet"' not in line and not line.startswith("<script")
    ]
    text = "\n".join(lines).replace("{{version}}", "").replace("{{actions}}", "")
    return text.replace("</head>", f"{head}</head>").replace("</body>", f"{frame.scripts}\n</body>")
