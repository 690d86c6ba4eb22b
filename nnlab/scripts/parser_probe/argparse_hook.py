"""Stops a script where it parses its arguments with argparse."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from .argparse_flags import describe_argparse
from .report import FlagReport

# Packages that parse the command line with argparse before their own parser, which has a hook.
_PACKAGES_WITH_OWN_HOOK = ("hydra", "fire")
_PARSE_CALL = re.compile(r"\.parse_(?:known_)?(?:intermixed_)?args\w*\(")


def install(report: FlagReport) -> None:
    """Replaces `parse_known_args`, which every other method that parses calls."""
    original = argparse.ArgumentParser.parse_known_args

    def parse_known_args(
        parser: argparse.ArgumentParser, args: Any = None, namespace: Any = None, **options: Any
    ) -> Any:
        caller = _caller(sys._getframe(1))
        module = caller.f_globals.get("__name__", "") if caller is not None else ""
        if args or str(module).split(".")[0] in _PACKAGES_WITH_OWN_HOOK:
            return original(parser, args, namespace, **options)
        if not _is_preliminary(sys._getframe(1), caller):
            report.stop("argparse", lambda: describe_argparse(parser))
        report.keep("argparse", lambda: describe_argparse(parser))
        try:
            return original(parser, args, namespace, **options)
        except SystemExit:
            report.stop("argparse", lambda: describe_argparse(parser))

    argparse.ArgumentParser.parse_known_args = parse_known_args  # type: ignore[method-assign,assignment]


def _caller(frame: FrameType | None) -> FrameType | None:
    """The frame that called argparse."""
    while frame is not None and frame.f_globals.get("__name__") == "argparse":
        frame = frame.f_back
    return frame


def _is_preliminary(frame: FrameType, caller: FrameType | None) -> bool:
    """Whether the script probably parses again, for example after it has read a configuration file.

    It does so if it called `parse_known_args` itself, not a package that it uses, and its source
    contains another such call.
    """
    if caller is None or frame is not caller:
        return False
    path = Path(caller.f_code.co_filename).resolve()
    is_own = (
        path.is_relative_to(Path(sys.argv[0]).resolve().parent)
        and "site-packages" not in path.parts
    )
    try:
        source = path.read_text(encoding="utf-8", errors="replace") if is_own else ""
    except OSError:
        return False
    return len(_PARSE_CALL.findall(source)) > 1
