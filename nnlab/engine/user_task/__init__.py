"""User tasks, `--task file.py:NAME`: a class with its own training step, or a LightningModule."""
