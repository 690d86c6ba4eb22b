"""Commands that draw figures or look inside models."""
