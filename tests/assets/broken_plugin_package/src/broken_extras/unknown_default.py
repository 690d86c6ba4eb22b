"""An optimizer with an option that does not exist."""

from nnlab.plugins import OptimizerPlugin

PLUGIN = OptimizerPlugin(
    name="unknown-default", summary="none", defaults={"lr": 0.1, "rho": 0.05}, build=None
)
