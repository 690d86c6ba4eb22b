"""Methods to choose the trials of a study. The code is in `nnlab.search`."""

from nnlab.catalogue.choice import Choice

SAMPLERS = (
    Choice("grid", "all combinations of the values"),
    Choice("random", "settings drawn at random", "Bergstra and Bengio 2012"),
    Choice("sobol", "evenly distributed settings: a scrambled Sobol sequence", "Owen 1998"),
    Choice(
        "tpe",
        "tree-structured Parzen estimator: settings similar to good ones (needs nnlab[optuna])",
        "Bergstra et al. 2011, section 4; Watanabe 2023",
    ),
    Choice(
        "cma-es",
        "evolution strategy with an adaptive normal distribution; ranges only (needs"
        " nnlab[optuna])",
        "Hansen 2016",
    ),
)
