"""Predictions of trained models for new examples; evaluation and export of these models."""
