"""`nnlab evaluate`: metrics of a trained model on other data."""
