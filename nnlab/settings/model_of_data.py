"""Which models fit a data set: the default model, and conflicts of a model with the data."""

from nnlab.catalogue import CATALOGUES, find_builtin, is_user_code
from nnlab.catalogue.data import STREAMED_DATA
from nnlab.catalogue.models import AUTO, TOKEN_MODELS
from nnlab.settings.data_facts import DataFacts
from nnlab.settings.fields import RunConfig


def default_model(facts: DataFacts) -> str:
    """The model of a run that names none: one that fits its examples and targets."""
    if facts.has_tokens:
        return "lstm"
    return "unet" if facts.task == "segmentation" else "mlp"


def chosen_model(config: RunConfig, facts: DataFacts) -> str:
    """The model of a config, which is that of the data set if the config names none."""
    return default_model(facts) if config.model == AUTO else config.model


def model_data_conflicts(specified: RunConfig, config: RunConfig, facts: DataFacts) -> list[str]:
    """The conflicts of a built-in model with the examples and targets.

    Args:
        specified: as the user specified it.
        config: the same with its defaults filled in.
        facts: properties of its data set.
    """
    row = find_builtin("model", config.model)
    # A user's module may take anything, and the rows of plugins do not say what they take.
    if row is None or facts.task == "custom" or is_user_code("model", config.model):
        return []
    if config.data in STREAMED_DATA:
        return [
            f"--model {config.model} takes one tensor, and {config.data} has two inputs;"
            " --model file.py:NAME can take both"
        ]
    if facts.has_tokens and row.name not in TOKEN_MODELS:
        return [
            f"--model {config.model} does not take tokens, which {config.data} has;"
            f" {_listed(TOKEN_MODELS)} do"
        ]
    if facts.has_tokens and facts.task == "reconstruction":
        return [f"{config.data} has tokens, which are no numbers to reconstruct"]
    if facts.task not in row.tasks:
        fitting = tuple(
            other.name
            for other in CATALOGUES["model"]
            if facts.task in other.tasks and not other.name.endswith(":") and other.name != AUTO
        )
        return [
            f"--model {config.model} does not fit {config.data}, a {facts.task} task; "
            + (f"{_listed(fitting)} do" if fitting else "--model file.py:NAME can be any module")
        ]
    if facts.has_tokens and specified.patch is not None:
        return [f"--patch has no effect with {config.data}: each token is a position of its own"]
    return []


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
