"""Readers and writers for the logs of other tools."""
