"""Kinds of targets: the shape of an output, and the metrics of a split; one file per kind."""
