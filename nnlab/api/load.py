"""`load`: the trained model of a run for users' own scripts.

model = nnlab.load(12)                        # the torch module, in evaluation mode
predict = nnlab.load(12, preprocessing=True)  # from raw inputs to probabilities
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from nnlab.api.argument_checks import check_arguments
from nnlab.errors import DeviceError

if TYPE_CHECKING:
    from torch import nn

    from nnlab.api.references import Reference


def load(
    run: "Reference",
    db: str | Path | None = None,
    *,
    preprocessing: bool = False,
    raw: bool = False,
    device: str = "cpu",
    model: str | None = None,
) -> "nn.Module":
    """The model of a run with the weights of its selected epoch, in evaluation mode.

    Without `preprocessing` it is the module that was trained: its inputs are preprocessed
    examples [n, *in_shape], its outputs logits [n, classes] or standardised values [n, 1]. With
    `preprocessing` its inputs are raw examples [n, *in_shape], as they were in the data, and its
    outputs probabilities [n, classes] or values [n, 1] in the unit of the target (float64).

    Args:
        run: the number, the name or a record of a run, or a study, whose best run is taken.
        db: path or URL of the database; by default that of NNLAB_DB, or `runs.db`.
        preprocessing: include the transformation of the inputs and the conversion of the outputs.
        raw: with `preprocessing`, return the outputs without conversion.
        device: where the model is put, such as `cuda` or `auto`.
        model: where the code of a user-defined model is now, as `file.py:NAME`. The code is
            executed if it is named here, or if the run is named by its number or name; it is
            not executed for a study.

    Raises:
        ConfigError: an argument has another type.
        UnknownName: no run or study has this name.
        UsageError: the run stored no weights.
        DeviceError: there is no such device, or it does not support the preprocessing.
        CheckpointError: its files are missing or were changed.
        UserCodeError: the user-defined model has changed, fails or must not be executed.
    """
    check_arguments(
        paths={"db": db},
        texts={"device": device, "model": model},
        switches={"preprocessing": preprocessing, "raw": raw},
    )
    # Imported here, because importing torch takes a second or two.
    from nnlab.analysis.model_choice import choose_models
    from nnlab.analysis.trained_models import load_trained_model
    from nnlab.api.references import reference_word
    from nnlab.engine.device import resolve_device
    from nnlab.study.database import open_results

    target = resolve_device(device)
    if preprocessing and target.type == "mps":
        raise DeviceError(
            "the preprocessing is computed in float64, which mps does not support",
            hint="load it on the CPU, or without preprocessing",
        )
    word = reference_word(run)
    with open_results(None if db is None else os.fspath(db)) as database:
        choice = choose_models(database, word)
        trained = load_trained_model(
            database, choice.runs[0], execute_code=choice.names_run, user_model=model, raw=raw
        )
    module: nn.Module = trained.model if preprocessing else trained.model.model
    return module.to(target).eval()
