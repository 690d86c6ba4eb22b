"""Commands that read stored results."""
