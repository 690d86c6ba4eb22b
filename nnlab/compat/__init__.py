"""Modules with the interfaces of other trackers, which record to nnlab's database."""
