"""The data sets that come with scikit-learn, read from its files.

Importing scikit-learn takes a second, longer than many training runs, so the files in its package
are read directly. If a release has moved them, scikit-learn's own loaders are used.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnlab.engine.data.class_names import FEATURE_NAMES
from nnlab.engine.data.dataset import Dataset, FeatureColumn
from nnlab.errors import DataError

FeaturesAndTargets = tuple[NDArray[np.float64], NDArray[Any]]


def digits() -> Dataset:
    """1,797 images of 1x8x8 pixels from 0 to 16; targets 0 to 9."""

    def parse(folder: Path) -> FeaturesAndTargets:
        rows = np.loadtxt(folder / "digits.csv.gz", delimiter=",")
        return rows[:, :-1], rows[:, -1].astype(np.int64)

    images, targets = _read_arrays("load_digits", parse)
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", "classification", images.reshape(-1, 1, 8, 8), targets, names)


def iris() -> Dataset:
    """150 flowers: sepal and petal length and width in cm; three species."""
    return _read_classification("iris", "load_iris", "iris.csv")


def wine() -> Dataset:
    """178 wines: 13 chemical measures; three cultivars."""
    return _read_classification("wine", "load_wine", "wine_data.csv")


def breast_cancer() -> Dataset:
    """569 tumours: 30 measures of cell nuclei; malignant or benign."""
    return _read_classification("breast-cancer", "load_breast_cancer", "breast_cancer.csv")


def diabetes() -> Dataset:
    """442 patients: 10 measures; disease progression after one year, 25 to 346."""

    def parse(folder: Path) -> FeaturesAndTargets:
        examples = np.loadtxt(folder / "diabetes_data_raw.csv.gz")
        return examples, np.loadtxt(folder / "diabetes_target.csv.gz")

    examples, targets = _read_arrays("load_diabetes", parse, scaled=False)
    float_targets = targets.astype(np.float64)
    return Dataset(
        "diabetes", "regression", examples, float_targets, columns=_feature_columns("diabetes")
    )


def _read_classification(name: str, loader: str, file: str) -> Dataset:
    def parse(folder: Path) -> FeaturesAndTargets:
        rows = np.loadtxt(folder / file, delimiter=",", skiprows=1)
        return rows[:, :-1], rows[:, -1].astype(np.int64)

    examples, targets = _read_arrays(loader, parse)
    names = _class_names(file, int(targets.max()) + 1)
    return Dataset(name, "classification", examples, targets, names, columns=_feature_columns(name))


def _feature_columns(name: str) -> tuple[FeatureColumn, ...]:
    return tuple(FeatureColumn(feature) for feature in FEATURE_NAMES[name])


def _class_names(file: str, count: int) -> tuple[str, ...]:
    """The class names, from the first line of a table, after the numbers of rows and columns."""
    folder = _sklearn_data_folder()
    if folder is None or not (folder / file).is_file():
        return tuple(str(index) for index in range(count))
    with (folder / file).open(encoding="utf-8") as lines:
        return tuple(lines.readline().strip().split(",")[2:])


def _sklearn_data_folder() -> Path | None:
    spec = importlib.util.find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "datasets" / "data"


def _read_arrays(
    loader: str, parse: Callable[[Path], FeaturesAndTargets], **options: object
) -> FeaturesAndTargets:
    folder = _sklearn_data_folder()
    if folder is None:
        raise DataError(
            "the built-in data sets come with scikit-learn, which is not installed",
            hint="pip install scikit-learn",
        )
    try:
        return parse(folder)
    except (OSError, ValueError):
        from sklearn import datasets  # slow to import, see the module docstring

        bunch = getattr(datasets, loader)(**options)
        return np.asarray(bunch.data, np.float64), np.asarray(bunch.target)
