"""`nnlab export`: a trained model, or the metrics of runs, as files for other programs."""
