"""What is known about the model of a run: from its setting, or from the inspection of its modules.

The setting describes nnlab's own models. Of a user's model it only has the name; the facts are then
the metrics `probe/model_<fact>` of the first epoch.
"""

from collections.abc import Mapping

from nnlab.diagnosis.rule_context import RuleContext

_SQUASHING_ACTIVATIONS = frozenset({"sigmoid", "tanh", "softsign", "hardsigmoid"})
_RATE_FIELDS = ("dropout", "channel_dropout", "dropconnect", "stochastic_depth")
# A mean bias below this is far outside of the usual inputs of a unit, whose sd is about 1.
_NEGATIVE_BIAS, _MOST_UNITS = -1.0, 0.5
_ACTIVATIONS = "probe/model_activations_"


def model_fact(context: RuleContext, name: str) -> float | None:
    """A fact `probe/model_<name>`; 0 if the model was inspected and has none, otherwise None."""
    value = context.first_value(f"probe/model_{name}")
    return 0.0 if value is None and is_inspected(context) else value


def is_inspected(context: RuleContext) -> bool:
    """Whether the modules of the model were inspected before the training."""
    return context.first_value("probe/model_weight_layers") is not None


def is_user_model(context: RuleContext) -> bool:
    """Whether the model is the user's or of a package: options such as --norm do nothing then."""
    return ":" in str(context.setting.get("model", ""))


def activation_counts(context: RuleContext) -> Mapping[str, float]:
    """The number of activations of each kind in the inspected model; empty if it is unknown."""
    return {
        name.removeprefix(_ACTIVATIONS): curve.values[0]
        for name, curve in context.history.curves.items()
        if name.startswith(_ACTIVATIONS) and curve
    }


def has_squashing_activations(context: RuleContext) -> bool:
    """Whether the activations are bounded on both sides, as those of a sigmoid are."""
    if (activation := context.setting.get("activation")) is not None:
        return activation in _SQUASHING_ACTIVATIONS
    counts = activation_counts(context)
    return bool(counts) and max(counts, key=counts.__getitem__) in _SQUASHING_ACTIVATIONS


def has_normalisation(context: RuleContext) -> bool:
    """Whether the model has normalisation layers; False if it is unknown."""
    norm = context.setting.get("norm")
    if norm is not None:
        return norm != "none"
    return bool(model_fact(context, "norms"))


def hidden_depth(context: RuleContext) -> float:
    """The number of hidden layers; 0 if it is unknown."""
    return (
        context.numeric_setting("depth")
        or max(
            sum(activation_counts(context).values()),
            (model_fact(context, "weight_layers") or 1) - 1,
        )
        or float(len(context.values_by_layer("activation_sd")))
    )


def dropout_rate(context: RuleContext) -> float:
    """The highest rate of dropout, of the setting or in the model; 0 if there is none."""
    rates = [context.numeric_setting(name) or 0.0 for name in _RATE_FIELDS]
    return max(*rates, model_fact(context, "dropout") or 0.0)


def has_equal_units(context: RuleContext) -> bool | None:
    """Whether all units of the hidden layers started equal; None if the model was not inspected.

    It does not count if only the head, or some layers of a residual network, start at zero. A
    single hidden layer becomes different through a head that is not symmetric.
    """
    if not is_inspected(context):
        return None
    hidden = (model_fact(context, "weight_layers") or 0.0) - 1
    symmetric = model_fact(context, "symmetric_layers") or 0.0
    has_equal_head = bool(model_fact(context, "symmetric_head"))
    return hidden >= 1 and symmetric >= hidden and (hidden >= 2 or has_equal_head)


def starts_dead_of_biases(context: RuleContext) -> bool:
    """Whether most units of some layer are dead before the training, and biases are negative."""
    bias = model_fact(context, "bias_mean") or 0.0
    dead = context.values_by_layer("start_dead").values()
    return bias < _NEGATIVE_BIAS and max(dead, default=0.0) > _MOST_UNITS


def is_linear(context: RuleContext) -> bool:
    """Whether the model has a single layer, for which any initialisation is right."""
    return model_fact(context, "weight_layers") == 1.0


def remedy_for_model(context: RuleContext, remedy: str, in_model: str) -> str:
    """The remedy of a finding: `remedy` names options, which a user's model does not read.

    Args:
        context: of the run.
        remedy: for nnlab's own models.
        in_model: what to change in the code of a user's model.
    """
    return f"in the code of the model: {in_model}" if is_user_model(context) else remedy
