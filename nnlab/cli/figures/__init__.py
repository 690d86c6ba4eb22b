"""Commands that draw figures or inspect models."""
