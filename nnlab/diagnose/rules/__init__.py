"""The table of all diagnosis rules for single runs; each rule is a module of its own."""

from nnlab.diagnose.rule import Rule
from nnlab.diagnose.rules.data_faults import DataFaults
from nnlab.diagnose.rules.dead_units import DeadUnits
from nnlab.diagnose.rules.diverged import Diverged
from nnlab.diagnose.rules.dropout_rate import DropoutTooHigh
from nnlab.diagnose.rules.exploding import ExplodingGradients
from nnlab.diagnose.rules.generalisation_gap import GeneralisationGap
from nnlab.diagnose.rules.init_scale import InitScale
from nnlab.diagnose.rules.lr_high import LrTooHigh
from nnlab.diagnose.rules.lr_low import LrTooLow
from nnlab.diagnose.rules.needs_decay import NeedsDecay
from nnlab.diagnose.rules.no_learning import NoLearning
from nnlab.diagnose.rules.noisy import NoisyLoss
from nnlab.diagnose.rules.output_loss_mismatch import OutputLossMismatch
from nnlab.diagnose.rules.overfitting import Overfitting
from nnlab.diagnose.rules.plateau import ValidationPlateau
from nnlab.diagnose.rules.saturated import SaturatedActivations
from nnlab.diagnose.rules.split_overlap import SplitOverlap
from nnlab.diagnose.rules.stopped_early import StoppedEarly
from nnlab.diagnose.rules.symmetric_init import SymmetricInit
from nnlab.diagnose.rules.underfitting import Underfitting
from nnlab.diagnose.rules.unnormalised_inputs import UnnormalisedInputs
from nnlab.diagnose.rules.validation_better import ValidationBetter
from nnlab.diagnose.rules.validation_broken import ValidationUnreliable
from nnlab.diagnose.rules.vanishing import VanishingGradients

# Sorted by code.
RULES: tuple[Rule, ...] = (
    Overfitting(),
    ValidationPlateau(),
    GeneralisationGap(),
    Underfitting(),
    StoppedEarly(),
    NoLearning(),
    Diverged(),
    LrTooHigh(),
    LrTooLow(),
    NoisyLoss(),
    NeedsDecay(),
    VanishingGradients(),
    ExplodingGradients(),
    DeadUnits(),
    SaturatedActivations(),
    InitScale(),
    SymmetricInit(),
    DropoutTooHigh(),
    OutputLossMismatch(),
    UnnormalisedInputs(),
    DataFaults(),
    SplitOverlap(),
    ValidationUnreliable(),
    ValidationBetter(),
)
