"""Class and feature names of the built-in data sets, available without reading the data."""

from collections.abc import Mapping

_TEN_CLASSES = tuple(str(digit) for digit in range(10))
_TWO_CLASSES = ("0", "1")
_THREE_CLASSES = ("0", "1", "2")

CLASS_NAMES: Mapping[str, tuple[str, ...]] = {
    "digits": _TEN_CLASSES,
    "iris": ("setosa", "versicolor", "virginica"),
    "wine": ("class_0", "class_1", "class_2"),
    "breast-cancer": ("malignant", "benign"),
    "two-moons": _TWO_CLASSES,
    "circles": _TWO_CLASSES,
    "spirals": _THREE_CLASSES,
    "blobs": _THREE_CLASSES,
    "xor": _TWO_CLASSES,
    "sequences": _TEN_CLASSES,
    "tags": ("spike", "step", "ramp", "dip", "wave"),
    "brackets": ("not balanced", "balanced"),
    "word-tags": (
        "determiner",
        "adjective",
        "noun",
        "verb",
        "adverb",
        "preposition",
        "stop",
    ),
    "shapes": ("background", "circle", "square", "triangle"),
    "mnist": _TEN_CLASSES,
    "fashion-mnist": (
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    "cifar10": (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    ),
}

_NUCLEUS_MEASURES = (
    "radius",
    "texture",
    "perimeter",
    "area",
    "smoothness",
    "compactness",
    "concavity",
    "concave points",
    "symmetry",
    "fractal dimension",
)

FEATURE_NAMES: Mapping[str, tuple[str, ...]] = {
    "iris": ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"),
    "wine": (
        "alcohol",
        "malic_acid",
        "ash",
        "alcalinity_of_ash",
        "magnesium",
        "total_phenols",
        "flavanoids",
        "nonflavanoid_phenols",
        "proanthocyanins",
        "color_intensity",
        "hue",
        "od280/od315_of_diluted_wines",
        "proline",
    ),
    "breast-cancer": (
        *(f"mean {measure}" for measure in _NUCLEUS_MEASURES),
        *(f"{measure} error" for measure in _NUCLEUS_MEASURES),
        *(f"worst {measure}" for measure in _NUCLEUS_MEASURES),
    ),
    "diabetes": ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"),
}
