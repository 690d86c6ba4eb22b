"""Preparation of tensors: preprocessing of inputs, scaling of targets, number formats."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from torch import nn

from nnlab.catalogue import choice_names
from nnlab.engine.data import dataset_facts, preprocessing
from nnlab.engine.data.checks import measure_checks
from nnlab.engine.data.dataset import Dataset
from nnlab.engine.data.prepare import PreparedData, SplitTensors, prepare_data, standardise_targets
from nnlab.engine.evaluation import compute_metrics
from nnlab.errors import DataError
from nnlab.settings import RunConfig, resolve

Written = Callable[[str], str]
TABLE = "a,b,y\n" + "".join(f"{i},5,{'no' if i % 2 else 'yes'}\n" for i in range(40))
DRAW = np.random.default_rng(0)
MIXED = DRAW.standard_normal((200, 5)) @ DRAW.standard_normal((5, 5)) + 3
ALL = np.arange(200)


def prepared(data: str, **settings: object) -> PreparedData:
    config = RunConfig(data=data, **{"dtype": "float64", **settings})  # type: ignore[arg-type]
    return prepare_data(resolve(config, dataset_facts(data)), torch.device("cpu"))


def test_every_treatment_of_the_catalogue_has_its_code() -> None:
    assert set(preprocessing.FIT_FUNCTIONS) == set(choice_names("inputs"))


def test_inputs_are_standardised_on_the_training_split(write_table: Written) -> None:
    data = prepared(write_table(TABLE))
    train = data.train.examples
    assert train[:, 0].mean().item() == pytest.approx(0, abs=1e-12)
    assert train[:, 0].std(correction=0).item() == pytest.approx(1)
    assert abs(data.val.examples[:, 0].mean().item()) > 1e-6  # its own mean is not used


@pytest.mark.parametrize("treatment", ["standardise", "centre", "minmax", "zca"])
def test_a_constant_feature_becomes_zero_not_nan(write_table: Written, treatment: str) -> None:
    data = prepared(write_table(TABLE), inputs=treatment)
    zeros = torch.zeros(28, dtype=torch.float64)
    assert torch.allclose(data.train.examples[:, 1], zeros, atol=1e-12)


def test_inputs_centred_or_left_alone(write_table: Written) -> None:
    centred = prepared(write_table(TABLE), inputs="centre").train.examples[:, 0]
    assert centred.mean().item() == pytest.approx(0, abs=1e-12)
    assert centred.std().item() > 5
    assert prepared(write_table(TABLE), inputs="none").train.examples[:, 1].eq(5).all()


@pytest.mark.parametrize(
    ("treatment", "scaler"), [("standardise", StandardScaler()), ("minmax", MinMaxScaler())]
)
def test_treatments_are_scikit_learns(treatment: str, scaler: object) -> None:
    rows = ALL[:120]
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform(treatment, MIXED, rows), MIXED, ALL, np.float64
    )
    theirs = scaler.fit(MIXED[rows]).transform(MIXED)  # type: ignore[attr-defined]
    assert np.allclose(ours, theirs)


def test_zca_leaves_no_correlation_and_turns_nothing() -> None:
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform("zca", MIXED, ALL), MIXED, ALL, np.float64
    )
    variances = np.linalg.eigvalsh(np.cov(MIXED.T, bias=True))
    eps = preprocessing.ZCA_EPS * variances.mean()
    got = np.linalg.eigvalsh(np.cov(ours.T, bias=True))
    assert np.allclose(got, np.sort(variances / (variances + eps)))
    treatment = preprocessing.fit_input_transform("zca", MIXED, ALL)
    assert isinstance(treatment, preprocessing.Whitening)
    assert np.allclose(treatment.matrix, treatment.matrix.T)  # what makes it zca and not pca


def test_without_its_eps_zca_is_whitening_by_pca_turned_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preprocessing, "ZCA_EPS", 0.0)
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform("zca", MIXED, ALL), MIXED, ALL, np.float64
    )
    pca = PCA(whiten=True).fit(MIXED)
    theirs = pca.transform(MIXED) @ pca.components_ * np.sqrt(200 / 199)  # theirs divides by n - 1
    assert np.allclose(ours, theirs)


def test_zca_of_too_many_features_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preprocessing, "ZCA_MAX_FEATURES", 4)
    with pytest.raises(DataError, match="supports at most 4 features, this data set has 5"):
        preprocessing.fit_input_transform("zca", MIXED, ALL)


@pytest.mark.parametrize("treatment", ["standardise", "minmax", "centre"])
def test_images_are_treated_per_channel(treatment: str) -> None:
    images = DRAW.integers(0, 256, (30, 3, 4, 5)).astype(np.uint8)
    rows = np.arange(20)
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform(treatment, images, rows), images, rows, np.float32
    )
    train = images[rows].astype(np.float64)
    for channel in range(3):
        pixels = train[:, channel]
        shift = pixels.min() if treatment == "minmax" else pixels.mean()
        scale = {"standardise": pixels.std(), "minmax": np.ptp(pixels), "centre": 1.0}[treatment]
        assert np.allclose(ours[:, channel], (pixels - shift) / scale, atol=1e-4)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {
        name: preprocessing.fit_input_transform(name, MIXED, ALL)(MIXED)
        for name in preprocessing.FIT_FUNCTIONS
    }
    monkeypatch.setattr(preprocessing, "_CHUNK_NUMBERS", 35)
    for name, expected in whole.items():
        cut = preprocessing.transform_rows(
            preprocessing.fit_input_transform(name, MIXED, ALL), MIXED, ALL, np.float64
        )
        assert np.allclose(cut, expected, atol=1e-12), name


def test_bytes_become_the_same_as_doubles() -> None:
    images = DRAW.integers(0, 256, (50, 1, 6, 6)).astype(np.uint8)
    rows = np.arange(40)
    for name in preprocessing.FIT_FUNCTIONS:
        small = preprocessing.transform_rows(
            preprocessing.fit_input_transform(name, images, rows), images, rows, np.float32
        )
        wide = images.astype(np.float64)
        assert np.array_equal(
            small,
            preprocessing.transform_rows(
                preprocessing.fit_input_transform(name, wide, rows), wide, rows, np.float32
            ),
        )


def test_the_number_format_follows_the_dtype() -> None:
    assert prepared("iris").train.examples.dtype == torch.float64
    assert prepared("iris", dtype="bfloat16").train.examples.dtype == torch.float32
    assert prepared("iris").train.targets.dtype == torch.int64


def test_targets_of_a_regression_are_standardised_and_their_scale_kept() -> None:
    data = prepared("diabetes")
    assert data.train.targets.shape == (310, 1)
    assert data.train.targets.std(correction=0).item() == pytest.approx(1)
    assert 60 < data.target_scale < 90


def test_channels_last_moves_memory_and_no_value() -> None:
    data = prepared("digits", model="cnn")
    moved = data.channels_last()
    assert torch.equal(data.train.examples, moved.train.examples)
    assert moved.val.examples.is_contiguous(memory_format=torch.channels_last)
    assert moved.test.targets is data.test.targets


def test_a_file_that_changed_is_another_data_set(write_table: Written) -> None:
    name = write_table(TABLE)
    config = resolve(RunConfig(data=name), dataset_facts(name))
    write_table(TABLE + "99,5,yes\n")
    with pytest.raises(DataError, match="has changed since this run was set up"):
        prepare_data(config, torch.device("cpu"))


UNITS = (1e-300, 1e-200, 1e-13, 1.0, 1e13, 1e200)


@pytest.mark.parametrize("treatment", ["standardise", "minmax", "zca"])
@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_the_inputs_changes_nothing(treatment: str, unit: float) -> None:
    expected = preprocessing.transform_rows(
        preprocessing.fit_input_transform(treatment, MIXED, ALL), MIXED, ALL, np.float64
    )
    scaled = MIXED * unit
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform(treatment, scaled, ALL), scaled, ALL, np.float64
    )
    assert np.allclose(ours, expected, atol=1e-9)


@pytest.mark.parametrize("unit", UNITS)
def test_only_what_differs_by_rounding_alone_is_constant(unit: float) -> None:
    numbers = np.stack([MIXED[:, 0], np.full(200, 0.1), 0.1 + 1e-17 * MIXED[:, 1]], axis=1) * unit
    mean, sd = preprocessing.mean_and_sd(numbers, ALL)
    assert preprocessing.is_constant(mean, sd).tolist() == [[False, True, True]]


@pytest.mark.parametrize("treatment", ["standardise", "centre", "minmax"])
def test_a_feature_that_is_constant_but_for_rounding_becomes_zero(treatment: str) -> None:
    numbers = np.stack([MIXED[:, 0], 5 + 1e-15 * MIXED[:, 1]], axis=1)
    assert len(np.unique(numbers[:, 1])) > 1
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform(treatment, numbers, ALL), numbers, ALL, np.float64
    )
    assert not ours[:, 1].any()


def test_inputs_that_are_all_constant_are_not_whitened_to_noise() -> None:
    numbers = np.full((200, 3), 0.1)
    ours = preprocessing.transform_rows(
        preprocessing.fit_input_transform("zca", numbers, ALL), numbers, ALL, np.float64
    )
    assert not ours.any()


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_the_target_changes_nothing(unit: float) -> None:
    dataset = Dataset("t", "regression", MIXED, (MIXED[:, 0] * unit).astype(np.float64))
    scaled, means, scales = standardise_targets(dataset, ALL)
    assert scaled is not None
    assert np.allclose(scaled[:, 0], (MIXED[:, 0] - MIXED[:, 0].mean()) / MIXED[:, 0].std())
    assert scales == pytest.approx((MIXED[:, 0].std() * unit,))
    assert means == pytest.approx((MIXED[:, 0].mean() * unit,))


def test_targets_that_are_equal_on_the_training_split_are_refused() -> None:
    targets = np.full(200, 0.1)
    targets[150:] = 0.7
    dataset = Dataset("t", "regression", MIXED, targets)
    with pytest.raises(DataError, match=r"all targets of the training split are 0\.1"):
        standardise_targets(dataset, ALL[:150])


@pytest.mark.parametrize("unit", [1e-30, 1e-13, 1.0])
def test_checks_count_a_constant_feature_in_any_unit(unit: float) -> None:
    values = torch.from_numpy(MIXED * unit).float()
    values[:, 2] = 0.1 * unit
    split = SplitTensors(values, torch.zeros(200, 1))
    assert measure_checks(split, split, 0)["data/constant"] == 1.0


def test_equal_targets_have_no_r2() -> None:
    """The variance of 0.1, 0.1, ... is 1e-17 squared in floating point, not 0."""
    targets = torch.full((37, 1), 0.1)
    outputs = torch.linspace(0, 1, 37)[:, None]
    mse = nn.MSELoss()
    assert math.isnan(compute_metrics("regression", mse, outputs, targets)["r2"])
