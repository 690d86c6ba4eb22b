"""Figures: records in, a matplotlib Figure out, and files from figures.

One file a kind of plot. Nothing is imported here: matplotlib takes most of a second, so the
commands import `nnlab.plots.learning_curves` and `nnlab.plots.save` when they draw.
"""
