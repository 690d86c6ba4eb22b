"""Statistics of the layers of a run: a chart for each quantity, with a line for each layer."""

import re
from collections.abc import Mapping
from typing import Any

from nnlab import store
from nnlab.board.context import BoardContext
from nnlab.board.parameters import Parameters
from nnlab.board.views.evidence import curve_line
from nnlab.board.views.one_run import shown_run
from nnlab.records import History

_MAX_QUANTITIES = 24
_MAX_LAYERS = 40

# `probe/dead/3` is the share of dead units in layer 3.
_LAYER_METRIC = re.compile(r"probe/([a-z_0-9]+)/(\d{1,6})")


def read_run_layers(context: BoardContext, parameters: Parameters) -> Mapping[str, Any]:
    """The statistics of the layers of the run `run` over its epochs or steps.

    Raises:
        UnknownName: the board shows no such run.
    """
    db, run = context.db, shown_run(context, parameters)
    summaries = store.summaries(db, [run.id]).get(run.id, {})
    layers_by_quantity: dict[str, dict[int, str]] = {}
    for metric, summary in summaries.items():
        match = _LAYER_METRIC.fullmatch(metric)
        # What was measured once, of the untrained model, is no curve.
        if match is not None and summary.n > 1:
            layers_by_quantity.setdefault(match[1], {})[int(match[2])] = metric
    shown = dict(sorted(layers_by_quantity.items())[:_MAX_QUANTITIES])
    metrics = [metric for layers in shown.values() for metric in layers.values()]
    history = store.histories(db, [run.id], metrics=metrics).get(run.id) if metrics else None
    return {
        "axis": run.axis,
        "quantities": [
            {
                "quantity": quantity,
                "layers": len(layers),
                "lines": [] if history is None else _layer_lines(history, layers),
            }
            for quantity, layers in shown.items()
        ],
        "omitted": len(layers_by_quantity) - len(shown),
    }


def _layer_lines(history: History, layers: Mapping[int, str]) -> list[Mapping[str, Any]]:
    return [
        {"layer": number, **curve_line(curve, None)}
        for number in sorted(layers)[:_MAX_LAYERS]
        if (curve := history.get(layers[number])) is not None
    ]
