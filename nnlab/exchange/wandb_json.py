"""Reader of histories of W&B as JSON: a list of rows, or one row per line, each with `_step`."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nnlab.exchange.batching import batches_of
from nnlab.exchange.json_documents import read_json_rows
from nnlab.exchange.json_lines import first_objects, read_json_lines
from nnlab.exchange.json_rows import JsonRowSamples
from nnlab.exchange.log_files import files_below, read_head, relative_id, run_name
from nnlab.exchange.log_reader import (
    Audit,
    LoggedRun,
    LogItem,
    Position,
    ReadPosition,
    Restart,
    RunDetails,
)
from nnlab.exchange.metric_table import MetricNames
from nnlab.exchange.rewritten_rows import unread_rows
from nnlab.exchange.wandb_csv import INTERNAL, STEP

_LIST_OF_OBJECTS = re.compile(rb"\s*\[\s*\{")


class WandbJsonReader:
    """Reads the rows of `run.scan_history()` that were saved as JSON; a file is one run."""

    kind = "wandb-json"

    def find(self, path: Path) -> Iterable[LoggedRun]:
        """Files of JSON whose first rows have `_step`."""
        for file in files_below(path, lambda name: name.lower().endswith((".json", ".jsonl"))):
            head = read_head(file)
            is_list = _LIST_OF_OBJECTS.match(head) and f'"{STEP}"'.encode() in head
            if is_list or any(STEP in row for row in first_objects(file)):
                yield LoggedRun(self.kind, relative_id(file, path), run_name(file), (file,))

    def read(self, run: LoggedRun, position: Position | None, audit: Audit) -> Iterator[LogItem]:
        """The samples of the file; it says nothing else about the run."""
        path = run.paths[0]
        yield RunDetails(name=run.name)
        if not _LIST_OF_OBJECTS.match(read_head(path)):
            yield from read_json_lines(path, position, audit, prefer_step=STEP, ignored=INTERNAL)
            return
        is_restart, unread, new_position = unread_rows(read_json_rows(path, audit), position)
        if is_restart:
            yield Restart()
        samples = JsonRowSamples(MetricNames(audit), audit, prefer_step=STEP, ignored=INTERNAL)
        yield from batches_of(
            sample for row in unread if isinstance(row, dict) for sample in samples.samples(row)
        )
        yield ReadPosition(new_position)
