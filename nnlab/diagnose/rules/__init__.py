"""The catalogue of rules: one file a rule, one row here. Rules do not know each other."""

from nnlab.diagnose.rule import Rule
from nnlab.diagnose.rules.overfitting import Overfitting
from nnlab.diagnose.rules.plateau import ValidationPlateau

RULES: tuple[Rule, ...] = (Overfitting(), ValidationPlateau())
