"""The plugins pass the test suites of nnlab."""

from nnlab.testing import (
    DataContract,
    FigureContract,
    LauncherContract,
    ModelContract,
    OptimizerContract,
    RuleContract,
    ScheduleContract,
)


class TestSignSgd(OptimizerContract):
    choice = "sign-sgd"


class TestSawtooth(ScheduleContract):
    choice = "sawtooth"


class TestWideAndDeep(ModelContract):
    choice = "wide-and-deep"


class TestRings(DataContract):
    choice = "rings"


class TestShortTraining(RuleContract):
    code = "LAB001"
    detects = {"train/loss": [1.0, 0.9]}
    ignores = {"train/loss": [1.0, 0.9, 0.8, 0.7, 0.6, 0.5]}


class TestFinalLoss(FigureContract):
    kind = "final-loss"
    options = {"top": 4}


class TestTwoProcesses(LauncherContract):
    launcher = "two-processes"
