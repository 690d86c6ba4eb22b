"""Data sets. The code is in `nnlab.engine.data`."""

from collections.abc import Mapping

from nnlab.catalogue.choice import Choice, Task
from nnlab.objective import Scalar

_CLASSIFICATION_ONLY: tuple[Task, ...] = ("classification",)
_REGRESSION_ONLY: tuple[Task, ...] = ("regression",)

# Data sets that are found on this machine or downloaded; `mnist:FOLDER` names their folder.
PUBLISHED = ("fashion-mnist", "mnist", "cifar10", "cifar100")

# Built-in data sets whose examples are tokens, and the number of targets where there are several.
TOKEN_DATA = ("brackets", "word-tags", "text")
TARGET_COUNTS: Mapping[str, int] = {"robot-arm": 2}

# Built-in data sets that are always read through a loader.
STREAMED_DATA = ("two-inputs", "two-views")

_TABLE_DEFAULTS: Mapping[str, Scalar] = {
    "missing": "error",
    "max_categories": 50,
    "many_categories": "error",
    "categories": "one-hot",
    "dates": "error",
    "booleans": "one-hot",
}

DATA = (
    Choice(
        "digits",
        "1,797 handwritten digits, 8x8 pixels, 10 classes",
        "UCI 80",
        tasks=_CLASSIFICATION_ONLY,
        display_name="Digits",
    ),
    Choice(
        "iris",
        "150 flowers, 4 measures, 3 classes",
        "Fisher 1936",
        tasks=_CLASSIFICATION_ONLY,
        display_name="Iris",
    ),
    Choice(
        "wine",
        "178 wines, 13 measures, 3 classes",
        "UCI 109",
        tasks=_CLASSIFICATION_ONLY,
        display_name="Wine",
    ),
    Choice(
        "breast-cancer",
        "569 tumours, 30 measures, 2 classes",
        "UCI 17",
        tasks=_CLASSIFICATION_ONLY,
        display_name="Breast Cancer",
    ),
    Choice(
        "diabetes",
        "442 patients, 10 measures, progression after a year",
        "Efron et al. 2004",
        tasks=_REGRESSION_ONLY,
        display_name="Diabetes",
    ),
    Choice(
        "two-moons",
        "two interleaving half circles, 2 features",
        "generated; data_noise is the sd around the curves",
        defaults={"samples": 1000, "data_noise": 0.15, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Two Moons",
    ),
    Choice(
        "circles",
        "a small circle inside a larger one, 2 features",
        "generated; data_noise is the sd around the curves",
        defaults={"samples": 1000, "data_noise": 0.1, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Circles",
    ),
    Choice(
        "spirals",
        "three spiral arms, 2 features",
        "generated; data_noise is the sd around the curves",
        defaults={"samples": 1500, "data_noise": 0.04, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Spirals",
    ),
    Choice(
        "blobs",
        "three Gaussian clouds, 2 features",
        "generated; data_noise is the sd of a cloud, their centres are 5.2 apart",
        defaults={"samples": 1000, "data_noise": 1.0, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Blobs",
    ),
    Choice(
        "xor",
        "a square whose opposite quarters have the same class, 2 features",
        "generated; Minsky and Papert 1969; data_noise is the sd of a shift after labelling",
        defaults={"samples": 1000, "data_noise": 0.1, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="XOR",
    ),
    Choice(
        "sequences",
        "ten shapes in a signal of 40 values, stretched, shifted and noisy, 10 classes",
        "generated, after the idea of Greydanus 2020 (MNIST-1D); data_noise is the sd of a value",
        defaults={"samples": 5000, "data_noise": 0.05, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Sequences",
    ),
    Choice(
        "teacher-student",
        "outputs of a fixed random network with 20 inputs, plus noise: mse floor data_noise²",
        "generated; Gardner and Derrida 1989",
        defaults={"samples": 2000, "data_noise": 0.1, "data_seed": 0},
        tasks=_REGRESSION_ONLY,
        display_name="Teacher-student",
    ),
    Choice(
        "robot-arm",
        "position (x, y) of the hand of an arm from the angles of its two joints, 2 targets",
        "generated; data_noise is the sd of a coordinate",
        defaults={"samples": 2000, "data_noise": 0.02, "data_seed": 0},
        tasks=_REGRESSION_ONLY,
        display_name="Robot Arm",
    ),
    Choice(
        "tags",
        "signals of 48 values that contain any of five patterns: several labels per example",
        "generated; data_noise is the sd of a value",
        defaults={"samples": 2000, "data_noise": 0.2, "data_seed": 0},
        tasks=("multilabel",),
        display_name="Tags",
    ),
    Choice(
        "brackets",
        "sequences of 12 to 24 brackets, padded: balanced or not",
        "generated; data_noise is the share of wrong classes",
        defaults={"samples": 2000, "data_noise": 0.0, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Brackets",
    ),
    Choice(
        "word-tags",
        "the class of each word of a sentence, up to 12 words, padded",
        "generated from a grammar; data_noise is the share of replaced words",
        defaults={"samples": 1000, "data_noise": 0.0, "data_seed": 0},
        tasks=("token_classification",),
        display_name="Word Tags",
    ),
    Choice(
        "text",
        "the next of 29 characters in windows of 64 characters of English sentences",
        "generated from a grammar; data_noise is the share of replaced letters",
        defaults={"samples": 1000, "data_noise": 0.0, "data_seed": 0},
        tasks=("language_modeling",),
        display_name="Text",
    ),
    Choice(
        "shapes",
        "images of 32x32 grey pixels with circles, squares and triangles: the class of each pixel",
        "generated; data_noise is the sd of a pixel",
        defaults={"samples": 400, "data_noise": 0.2, "data_seed": 0},
        tasks=("segmentation",),
        display_name="Shapes",
    ),
    Choice(
        "two-inputs",
        "pairs of signals of 24 values, two inputs of a model: of the same kind or not; streamed",
        "generated; data_noise is the sd of a value",
        defaults={"samples": 1000, "data_noise": 0.1, "data_seed": 0},
        tasks=_CLASSIFICATION_ONLY,
        display_name="Two Inputs",
    ),
    Choice(
        "two-views",
        "two noisy views of a signal of 24 values, no targets, for contrastive losses; streamed",
        "generated; data_noise is the sd of a value, drawn anew in each epoch",
        defaults={"samples": 1000, "data_noise": 0.2, "data_seed": 0},
        tasks=("unsupervised",),
        display_name="Two Views",
    ),
    Choice(
        "fashion-mnist",
        "70,000 pieces of clothing, 28x28 grey pixels, 10 classes, own test split",
        "Xiao et al. 2017, MIT licence",
        tasks=_CLASSIFICATION_ONLY,
        display_name="Fashion-MNIST",
    ),
    Choice(
        "mnist",
        "70,000 handwritten digits, 28x28 grey pixels, 10 classes, own test split",
        "LeCun et al. 1998",
        tasks=_CLASSIFICATION_ONLY,
        display_name="MNIST",
    ),
    Choice(
        "cifar10",
        "60,000 photographs, 32x32 pixels in colour, 10 classes, own test split",
        "Krizhevsky 2009",
        tasks=_CLASSIFICATION_ONLY,
        display_name="CIFAR-10",
    ),
    Choice(
        "cifar100",
        "60,000 photographs, 32x32 pixels in colour, 100 classes, own test split",
        "Krizhevsky 2009",
        tasks=_CLASSIFICATION_ONLY,
        display_name="CIFAR-100",
    ),
    Choice(
        "csv:",
        "your own table: csv:FILE#TARGET, with a header line, numbers and texts",
        defaults=_TABLE_DEFAULTS,
    ),
    Choice(
        "parquet:",
        "your own table: parquet:FILE#TARGET; needs pyarrow",
        defaults=_TABLE_DEFAULTS,
    ),
    Choice(
        "excel:",
        "your own table: excel:FILE#TARGET, the first sheet; needs openpyxl",
        defaults=_TABLE_DEFAULTS,
    ),
    Choice("npz:", "your own arrays: npz:FILE with x and y, or train_x, train_y, test_x, test_y"),
    Choice(
        "npy:",
        "your own arrays in files: npy:FOLDER with x.npy and y.npy; not loaded with --stream",
    ),
    Choice("folder:", "your own images: folder:PATH, with one sub-folder per class"),
    Choice(
        "task",
        "the train_loader of your own task, see --task file.py:NAME",
        tasks=("custom",),
    ),
    Choice(
        "module:", "your own function: file.py:NAME or package.module:NAME, which returns x and y"
    ),
)
