"""Launchers and the worker that they carry: config -> engine -> store."""
