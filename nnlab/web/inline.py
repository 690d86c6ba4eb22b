"""Pages as a single file: modules combined into one script, and a strict content security policy.

The modules follow a convention (docs/decisions/0023-pages-share-modules.md): named exports, imports
by name from relative paths, and names at the top level that no other module has.
"""

import base64
import hashlib
import html
import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any

from nnlab.web.assets import asset_text

_IMPORT = re.compile(r'^import \{(?P<names>[^}]*)\} from "(?P<path>\.[^"]+)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|let|class) )", re.MULTILINE)
_END_OF_SCRIPT = re.compile("</(script)", re.IGNORECASE)
_END_OF_STYLE = re.compile("</(style)", re.IGNORECASE)
_OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def combine_modules(entry: str) -> str:
    """One script of a module and all modules that it imports, each once, dependencies first.

    Args:
        entry: the path of the module in nnlab/web, such as `report/main.js`.

    Raises:
        ValueError: a module does not follow the convention.
    """
    bodies: dict[str, str] = {}
    _add_module(entry, bodies, ())
    combined = "\n".join(bodies.values())
    return f'"use strict";\n(() => {{\n{combined}\n}})();\n'


def _add_module(path: str, bodies: dict[str, str], importers: tuple[str, ...]) -> None:
    if path in bodies:
        return
    if path in importers:
        raise ValueError(f"{path} imports itself through {', '.join(importers)}")
    text = asset_text(path)
    for match in _IMPORT.finditer(text):
        if " as " in match["names"]:
            raise ValueError(f"{path}: an import is renamed: {match['names'].strip()}")
        imported = posixpath.normpath(posixpath.join(posixpath.dirname(path), match["path"]))
        _add_module(imported, bodies, (*importers, path))
    body = _EXPORT.sub("", _IMPORT.sub("", text))
    if (other := _OTHER.search(body)) is not None:
        raise ValueError(f"{path}: not a plain import or export: {other.group()}")
    bodies[path] = body


def script_element(script: str) -> str:
    """A script as an element; its text cannot end the element."""
    return f"<script>{_inline_script(script)}</script>"


def _inline_script(script: str) -> str:
    # In strings, the only place for these texts, "<\/" and "<\!" mean the same.
    return _END_OF_SCRIPT.sub(r"<\/\1", script).replace("<!--", "<\\!--")


def json_element(identifier: str, value: Any) -> str:
    """A value as JSON in an element that no browser executes."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return f'<script type="application/json" id="{html.escape(identifier)}">{text}</script>'


def style_element(style: str) -> str:
    """A style sheet as an element; its text cannot end the element."""
    return f"<style>{_inline_style(style)}</style>"


def _inline_style(style: str) -> str:
    return _END_OF_STYLE.sub(r"<\/\1", style)


def content_security_policy(scripts: tuple[str, ...], styles: tuple[str, ...]) -> str:
    """A policy that allows these scripts and styles, images inside the page, and nothing else."""
    directives: Mapping[str, str] = {
        "default-src": "'none'",
        "script-src": _hashes(map(_inline_script, scripts)),
        "style-src": _hashes(map(_inline_style, styles)),
        "img-src": "data: blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _hashes(texts: Iterable[str]) -> str:
    digests = (hashlib.sha256(text.encode()).digest() for text in texts)
    return (
        " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests) or "'none'"
    )
