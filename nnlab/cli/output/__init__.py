"""Printing of tables, JSON, CSV, Markdown and progress bars; escapes text for the terminal."""
