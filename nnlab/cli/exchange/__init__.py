"""Commands for the logs of other tools."""
