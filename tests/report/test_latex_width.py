"""Tables too wide for a column of a two-column paper span the page, the widest in smaller type."""

import pytest

from nnlab.report.latex_width import table_environment

MEASURED = ["Validation", "0.988 ± 0.015"]


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ([["Optimizer", "Adam"], MEASURED], ("table", "")),
        ([["Optimizer", "SGD with momentum"], *[MEASURED] * 3], ("table*", "")),
        (
            [["Optimizer", "SGD with momentum"], *[MEASURED] * 4, ["Tier"]],
            ("table*", r"\small"),
        ),
        (
            [["Optimizer", "SGD with momentum"], *[MEASURED] * 6],
            ("table*", r"\footnotesize\setlength{\tabcolsep}{4pt}"),
        ),
    ],
)
def test_the_environment_follows_the_width(
    columns: list[list[str]], expected: tuple[str, str]
) -> None:
    assert table_environment(columns) == expected
