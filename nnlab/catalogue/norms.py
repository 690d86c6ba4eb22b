"""Normalisation layers. The code is in `nnlab.engine.models.norms`."""

from nnlab.catalogue.choice import Choice

NORMS = (
    Choice("none", "no normalisation layer", display_name="no normalisation"),
    Choice(
        "batch",
        "statistics per channel over the batch; running statistics in evaluation",
        "Ioffe and Szegedy 2015",
        defaults={"norm_place": "before", "norm_momentum": 0.1, "norm_eps": 1e-5},
        display_name="batch norm",
    ),
    Choice(
        "layer",
        "statistics over an example (transformer: over a token)",
        "Ba et al. 2016",
        defaults={"norm_place": "before", "norm_eps": 1e-5},
        display_name="layer norm",
    ),
    Choice(
        "group",
        "statistics over groups of an example's channels",
        "Wu and He 2018",
        defaults={"norm_place": "before", "norm_groups": 8, "norm_eps": 1e-5},
        display_name="group norm",
    ),
    Choice(
        "instance",
        "statistics over each channel of an image; images only",
        "Ulyanov et al. 2016",
        defaults={"norm_place": "before", "norm_eps": 1e-5},
        display_name="instance norm",
    ),
    Choice(
        "rms",
        "divides an example (transformer: a token) by its root mean square",
        "Zhang and Sennrich 2019",
        defaults={"norm_place": "before", "norm_eps": 1e-5},
        display_name="RMS norm",
    ),
)
