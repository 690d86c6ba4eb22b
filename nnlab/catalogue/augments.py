"""Changes of a batch of examples, drawn anew for each. The code is in `nnlab.engine.augment`.

Several are joined by +, as flip+shift, and made in the order of this table.
"""

from nnlab.catalogue.choice import Choice

AUGMENTS = (
    Choice("none", "examples as they are"),
    Choice("flip", "half of the images mirrored left to right", "Krizhevsky et al. 2012"),
    Choice(
        "shift",
        "padded by zeros and cropped at a random place",
        "He et al. 2016, section 4.2, with 4 pixels of 32",
        defaults={"augment_shift": 1},
    ),
    Choice(
        "rotate",
        "turned to either side, bilinear",
        "Simard et al. 2003",
        defaults={"augment_rotate": 10.0},
    ),
    Choice("scale", "enlarged or shrunk, bilinear", defaults={"augment_scale": 0.1}),
    Choice(
        "erase",
        "a square set to 0, the mean of standardised inputs",
        "DeVries and Taylor 2017, cutout",
        defaults={"augment_erase": 0.25},
    ),
    Choice("brightness", "a number added to all pixels", defaults={"augment_brightness": 0.2}),
    Choice(
        "noise",
        "Gaussian noise on every input, of images and tables",
        "Bishop 1995",
        defaults={"augment_noise": 0.1},
    ),
)
