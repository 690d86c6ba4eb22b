"""Random augmentations of training examples. The code is in `nnlab.engine.augment`.

Several are combined with +, as in flip+shift, and applied in the order of this table.
"""

from nnlab.catalogue.choice import Choice

AUGMENTS = (
    Choice("none", "no augmentation", display_name="no augmentation"),
    Choice("flip", "half of the images mirrored left to right", "Krizhevsky et al. 2012"),
    Choice(
        "shift",
        "zero-padded and cropped at a random position",
        "He et al. 2016, section 4.2, with 4 pixels of 32",
        defaults={"augment_shift": 1},
    ),
    Choice(
        "rotate",
        "rotated by a random angle, bilinear",
        "Simard et al. 2003",
        defaults={"augment_rotate": 10.0},
    ),
    Choice("scale", "scaled by a random factor, bilinear", defaults={"augment_scale": 0.1}),
    Choice(
        "erase",
        "a random square set to 0, the mean of standardised inputs",
        "DeVries and Taylor 2017, cutout",
        defaults={"augment_erase": 0.25},
    ),
    Choice(
        "brightness", "a random number added to all pixels", defaults={"augment_brightness": 0.2}
    ),
    Choice(
        "noise",
        "Gaussian noise added to every input, for images and tables",
        "Bishop 1995",
        defaults={"augment_noise": 0.1},
    ),
)
