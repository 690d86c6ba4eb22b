"""The option `--uncertainty` of tables and reports.

It is not in `options`, so that commands without rankings start without importing their statistics.
"""

from typing import Annotated

import typer

from nnlab.stats.uncertainty import Uncertainty

UncertaintyOption = Annotated[
    Uncertainty,
    typer.Option(
        "--uncertainty",
        help="number after ±: 95 % confidence interval, standard error or sd over seeds",
    ),
]
