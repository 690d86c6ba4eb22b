"""nnlab: a command-line experiment runner for PyTorch with a results database."""

__version__ = "0.1.0"
