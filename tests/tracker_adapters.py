"""How each script of tests/assets/tracker_scripts is changed to record to nnlab."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class AdaptedScript:
    """A script, its changed lines, and the change that makes it train for hours."""

    name: str
    package: str
    lines: Mapping[str, str]
    endless: Mapping[str, str]

    @property
    def kind(self) -> str:
        """The name without `.py`."""
        return self.name.removesuffix(".py")


ADAPTED_SCRIPTS = (
    AdaptedScript(
        "wandb_sweep_of_runs.py",
        "nnlab",
        {"import wandb\n": "from nnlab.compat import wandb\n"},
        {"range(4)": "range(10**9)"},
    ),
    AdaptedScript(
        "trackio_fake_training.py",
        "nnlab",
        {"import trackio as wandb": "from nnlab.compat import trackio as wandb"},
        {'range(wandb.config["epochs"])': "range(10**9)"},
    ),
    AdaptedScript(
        "mlflow_iris.py",
        "nnlab",
        {
            "import mlflow\n": "from nnlab.compat import mlflow\n",
            "from mlflow.": "from nnlab.compat.mlflow.",
        },
        {"range(1, 6)": "range(1, 10**9)"},
    ),
    AdaptedScript(
        "tensorboard_regression.py",
        "nnlab",
        {"from torch.utils.tensorboard import": "from nnlab.compat.tensorboard import"},
        {"range(10)": "range(10**9)"},
    ),
    AdaptedScript(
        "lightning_regression.py",
        "lightning",
        {
            "from lightning.pytorch.loggers import CSVLogger": (
                "from nnlab.integrations.lightning import NnlabLogger"
            ),
            'CSVLogger("logs", name="regression", version="first")': 'NnlabLogger("regression")',
        },
        {"max_epochs=3": "max_epochs=10**6"},
    ),
    AdaptedScript(
        "transformers_tiny_model.py",
        "transformers",
        {
            "import sys\n": "import sys\nimport nnlab.integrations.transformers\n",
            'report_to="tensorboard"': 'report_to="nnlab"',
        },
        {"num_train_epochs=3": "num_train_epochs=10**5"},
    ),
    AdaptedScript(
        "accelerate_loop.py",
        "accelerate",
        {
            "from accelerate import Accelerator\n": (
                "from accelerate import Accelerator\n"
                "from nnlab.integrations.accelerate import NnlabTracker\n"
            ),
            'log_with="tensorboard", project_dir="logs"': 'log_with=NnlabTracker("r", seed=0)',
        },
        {"range(3)": "range(10**6)"},
    ),
    AdaptedScript(
        "keras_digits.py",
        "keras",
        {
            "import keras\n": "import keras\nfrom nnlab.integrations.keras import NnlabCallback\n",
            'keras.callbacks.CSVLogger("history.csv")': 'NnlabCallback("digits")',
        },
        {"epochs=3": "epochs=10**6"},
    ),
    AdaptedScript(
        "skorch_digits.py",
        "skorch",
        {
            "from skorch import NeuralNetClassifier": (
                "from nnlab.integrations.skorch import NnlabCallback\n"
                "from skorch import NeuralNetClassifier"
            ),
            "PrintLog(sink=lambda line: None)": 'NnlabCallback("digits", seed=1)',
        },
        {"max_epochs=3": "max_epochs=10**6"},
    ),
)


def adapted_script(name: str) -> AdaptedScript:
    """The script of that name."""
    return next(script for script in ADAPTED_SCRIPTS if script.name == name)
