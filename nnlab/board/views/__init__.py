"""Reads the data of the views: a module per view, each with a function per kind of request."""
