"""Plugins that cannot be used, each for another reason."""
