"""Arguments of a user's model that remedies change, such as `--model.dropout` for dropout.

nnlab's own fields for the layers have no effect on a user's model and are refused for it. Where
its signature has a parameter of a usual name, the remedies of that field change the parameter.
"""

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from nnlab.diagnosis.remedies import Remedy
from nnlab.engine.signatures import find_signature
from nnlab.errors import UserCodeError
from nnlab.objective import Scalar, Setting
from nnlab.settings.arguments import Signature, takes_arguments

# The usual names of parameters by the field of nnlab's settings with the same meaning.
_USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "dropout": ("dropout", "dropout_rate", "drop_rate", "drop", "dropout_p", "p_dropout", "p_drop"),
    "width": ("width", "hidden", "hidden_size", "hidden_dim", "hidden_features", "d_model"),
    "depth": ("depth", "layers", "num_layers", "n_layers", "hidden_layers"),
    "activation": ("activation", "act", "nonlinearity"),
}
# Fields of built-in models that go with a change of another field, and that a user's model lacks.
_ACCOMPANYING_FIELDS = frozenset({"init"})


@dataclass(frozen=True, slots=True)
class ModelArguments:
    """The parameters of a user's model by the field with the same meaning: key and value."""

    by_field: Mapping[str, tuple[str, Scalar]]

    def with_fields(self, setting: Setting) -> Setting:
        """The setting with the values of the parameters under the names of nnlab's fields."""
        return {**setting, **{field: value for field, (_, value) in self.by_field.items()}}

    def translate(self, remedies: Sequence[Remedy]) -> tuple[Remedy, ...]:
        """The remedies with changes of parameters in place of changes of fields."""
        return tuple(
            replace(remedy, changes=self._translate_changes(remedy.changes)) for remedy in remedies
        )

    def _translate_changes(self, changes: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
        if not self.by_field.keys() & changes.keys():
            return changes
        return {
            self.by_field[name][0] if name in self.by_field else name: value
            for name, value in changes.items()
            if name in self.by_field or name not in _ACCOMPANYING_FIELDS
        }


def model_arguments(setting: Setting) -> ModelArguments:
    """The parameters of the model of a setting; none for built-in models. Nothing is executed."""
    model = str(setting.get("model"))
    if not takes_arguments("model", model):
        return ModelArguments({})
    try:
        signature = find_signature("model", model, False)
    except UserCodeError:
        signature = None  # the run cannot be trained here either, which its error will say
    if signature is None:
        return ModelArguments({})
    by_field = {}
    for field, names in _USUAL_NAMES.items():
        for name in names:
            value = _value(signature, name, setting)
            if value is not None:
                by_field[field] = (f"model.{name}", value)
                break
    return ModelArguments(by_field)


def _value(signature: Signature, name: str, setting: Setting) -> Scalar:
    """The value of a parameter: that of the setting, or its default; None if it has none."""
    parameter = signature.parameters.get(name)
    if parameter is None or name in signature.reserved or not parameter.type.is_settable:
        return None
    stored = setting.get(f"model.{name}")
    if stored is not None or parameter.default is None:
        return stored
    try:
        default = ast.literal_eval(parameter.default)
    except (ValueError, SyntaxError):
        return None
    return default if isinstance(default, bool | int | float | str) else None
