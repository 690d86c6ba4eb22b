"""A server of the Model Context Protocol: programs read studies and, if allowed, train.

It is built on the package `mcp`, which only `server.py` imports.
"""
