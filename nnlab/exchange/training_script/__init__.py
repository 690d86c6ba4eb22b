"""The training of a setting as a plain PyTorch script, for `nnlab export` and `nnlab explain`.

One module per concept, each with a function that returns the lines of its part of the script.
`script.py` puts them together; `limits.py` rejects settings that no plain script expresses.
"""

from nnlab.exchange.training_script.script import training_script

__all__ = ["training_script"]
