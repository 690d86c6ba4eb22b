"""How a study chooses its trials. The code is in `nnlab.search`."""

from nnlab.catalogue.choice import Choice

SAMPLERS = (
    Choice("grid", "every combination of the values"),
    Choice("random", "settings drawn at random", "Bergstra and Bengio 2012"),
    Choice("sobol", "settings spread evenly: a scrambled Sobol sequence", "Owen 1998"),
    Choice(
        "tpe",
        "settings like those that went well, and unlike the others (needs nnlab[optuna])",
        "Bergstra et al. 2011, section 4; Watanabe 2023",
    ),
    Choice(
        "cma-es",
        "a cloud of settings that moves and stretches; ranges only (needs nnlab[optuna])",
        "Hansen 2016",
    ),
)
