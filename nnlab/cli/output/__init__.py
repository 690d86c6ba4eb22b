"""Printing: tables, JSON, CSV, markdown, progress bars, and text escaped for the terminal."""
