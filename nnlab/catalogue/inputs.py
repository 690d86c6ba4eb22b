"""Transformations of the inputs. The code is in `nnlab.engine.data.preprocessing`."""

from nnlab.catalogue.choice import Choice

INPUTS = (
    Choice(
        "standardise",
        "mean 0, sd 1 per feature (images: per channel), measured on the training split",
        "LeCun et al. 1998, section 4.3",
        display_name="standardised inputs",
    ),
    Choice(
        "centre",
        "mean 0 per feature or channel, measured on the training split",
        display_name="centred inputs",
    ),
    Choice(
        "minmax",
        "from 0 to 1 per feature or channel, measured on the training split",
        display_name="inputs from 0 to 1",
    ),
    Choice(
        "zca",
        "whitening: uncorrelated features that stay as close as possible to the original ones",
        "Bell and Sejnowski 1997; eps 0.001 of the mean variance, Krizhevsky 2009",
        display_name="whitened inputs",
    ),
    Choice("none", "unchanged", display_name="raw inputs"),
)
