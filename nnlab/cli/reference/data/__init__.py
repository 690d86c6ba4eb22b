"""`nnlab data`: shows data sets, and downloads published ones."""
