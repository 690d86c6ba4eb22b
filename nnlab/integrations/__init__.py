"""Loggers and callbacks for training frameworks, which record to nnlab's database."""
