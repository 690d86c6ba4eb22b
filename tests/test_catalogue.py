"""Every row of a catalogue has its code, every implementation its row, every default its field."""

from collections.abc import Mapping

import pytest

from nnlab import catalogue
from nnlab.catalogue import CATALOGUES, find_choice
from nnlab.catalogue.tasks import DEFINED_BY_TASK
from nnlab.engine import activations, initializers, losses, metrics, models, optimizers
from nnlab.errors import UnknownName
from nnlab.settings import setting_fields

CODE: Mapping[str, Mapping[str, object]] = {
    "activation": activations.ACTIVATION_BUILDERS,
    "init": initializers.INITIALIZERS,
    "loss": losses.LOSS_BUILDERS,
    "opt": optimizers.OPTIMIZER_BUILDERS,
    "model": {"auto": None, **models.MODEL_BUILDERS, **models.SHAPED_MODEL_BUILDERS},
    "metric": metrics.METRIC_FUNCTIONS,
}


@pytest.mark.parametrize("kind", CODE)
def test_rows_and_code_have_the_same_names(kind: str) -> None:
    # What a user's task defines needs no code here.
    assert set(catalogue.choice_names(kind)) - {DEFINED_BY_TASK} == set(CODE[kind])


@pytest.mark.parametrize("kind", CATALOGUES)
def test_defaults_are_fields_that_belong_to_the_kind(kind: str) -> None:
    for row in CATALOGUES[kind]:
        for name in row.defaults:
            assert setting_fields()[name].option.default_from == kind, (row.name, name)


def test_every_dependent_field_has_a_row_that_names_it() -> None:
    for name, field in setting_fields().items():
        if field.option.default_from is not None:
            rows = CATALOGUES[field.option.default_from]
            assert any(name in row.defaults for row in rows), name


def test_unknown_names_list_the_known_and_the_nearest() -> None:
    with pytest.raises(UnknownName, match=r"unknown optimizer 'adm': did you mean 'adam'\?.*sgd"):
        find_choice("opt", "adm")


def test_a_name_with_an_argument_finds_its_row() -> None:
    assert find_choice("data", "csv:points.csv#y").name == "csv:"
    assert find_choice("device", "cuda:3").name == "cuda:"
    with pytest.raises(UnknownName):
        find_choice("data", "csv:")
