"""`nnlab data`: look at data sets, and fetch the published ones."""
