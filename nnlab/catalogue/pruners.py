"""Methods to end poor runs of a study early. The code is in `nnlab.search.pruners`."""

from nnlab.catalogue.choice import Choice

PRUNERS = (
    Choice("none", "every run is trained for all its epochs"),
    Choice(
        "median",
        "ends a run whose best value is worse than the median of the trials at that epoch",
        "Golovin et al. 2017, section 3.2",
    ),
    Choice(
        "asha",
        "after 1, 3, 9, ... epochs, only the best third of the runs continues",
        "Li et al. 2020, algorithm 2",
    ),
)
