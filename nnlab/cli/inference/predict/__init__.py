"""`nnlab predict`: predictions of a trained model for new examples."""
