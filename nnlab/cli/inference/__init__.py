"""Commands that use trained models: predict, evaluate, export."""
