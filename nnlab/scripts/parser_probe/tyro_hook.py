"""Stops a script where it parses its arguments with tyro."""

from __future__ import annotations

from .post_import import Hook

HOOKS: dict[str, Hook] = {}
