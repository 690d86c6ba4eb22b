"""Commands that display stored results."""
