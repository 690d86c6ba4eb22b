"""The table of all diagnosis rules for single runs; each rule is a module of its own."""

from nnlab.diagnosis.rule import Rule
from nnlab.diagnosis.rules.data_faults import DataFaults
from nnlab.diagnosis.rules.dead_units import DeadUnits
from nnlab.diagnosis.rules.diverged import Diverged
from nnlab.diagnosis.rules.dropout_rate import DropoutTooHigh
from nnlab.diagnosis.rules.exploding import ExplodingGradients
from nnlab.diagnosis.rules.generalisation_gap import GeneralisationGap
from nnlab.diagnosis.rules.init_scale import InitScale
from nnlab.diagnosis.rules.lr_high import LrTooHigh
from nnlab.diagnosis.rules.lr_low import LrTooLow
from nnlab.diagnosis.rules.memorisation import Memorisation
from nnlab.diagnosis.rules.needs_decay import NeedsDecay
from nnlab.diagnosis.rules.no_learning import NoLearning
from nnlab.diagnosis.rules.noisy import NoisyLoss
from nnlab.diagnosis.rules.output_loss_mismatch import OutputLossMismatch
from nnlab.diagnosis.rules.overfitting import Overfitting
from nnlab.diagnosis.rules.plateau import ValidationPlateau
from nnlab.diagnosis.rules.saturated import SaturatedActivations
from nnlab.diagnosis.rules.split_overlap import SplitOverlap
from nnlab.diagnosis.rules.stopped_early import StoppedEarly
from nnlab.diagnosis.rules.symmetric_init import SymmetricInit
from nnlab.diagnosis.rules.underfitting import Underfitting
from nnlab.diagnosis.rules.unnormalised_inputs import UnnormalisedInputs
from nnlab.diagnosis.rules.validation_better import ValidationBetter
from nnlab.diagnosis.rules.validation_broken import ValidationUnreliable
from nnlab.diagnosis.rules.vanishing import VanishingGradients

# Sorted by code.
RULES: tuple[Rule, ...] = (
    Overfitting(),
    ValidationPlateau(),
    GeneralisationGap(),
    Underfitting(),
    StoppedEarly(),
    NoLearning(),
    Memorisation(),
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
