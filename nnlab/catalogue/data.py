"""Data sets. The code is in `nnlab.engine.data`."""

from nnlab.catalogue.choice import Choice, Task

_LABELS: tuple[Task, ...] = ("classification",)
_NUMBERS: tuple[Task, ...] = ("regression",)

DATA = (
    Choice("digits", "1,797 handwritten digits, 8x8 pixels, 10 classes", "UCI 80", tasks=_LABELS),
    Choice("iris", "150 flowers, 4 measures, 3 classes", "Fisher 1936", tasks=_LABELS),
    Choice("wine", "178 wines, 13 measures, 3 classes", "UCI 109", tasks=_LABELS),
    Choice("breast-cancer", "569 tumours, 30 measures, 2 classes", "UCI 17", tasks=_LABELS),
    Choice(
        "diabetes",
        "442 patients, 10 measures, progression after a year",
        "Efron et al. 2004",
        tasks=_NUMBERS,
    ),
    Choice("csv:", "your own table: csv:FILE#TARGET, a header line and numeric columns"),
)
