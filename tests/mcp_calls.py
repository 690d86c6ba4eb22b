"""Calls of the tools of `nnlab mcp` by the client of the SDK."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from mcp import Client
from mcp.types import CallToolResult, TextContent

from nnlab.mcp_server.server import create_server

Call = Callable[..., CallToolResult]


def text_of(result: CallToolResult) -> str:
    """The text of an answer; it is its only content."""
    (content,) = result.content
    assert isinstance(content, TextContent)
    assert result.structured_content is None
    return content.text


def call_tool(
    path: Path, tool: str, arguments: dict[str, Any] | None = None, *, allow_run: bool = False
) -> CallToolResult:
    """Calls a tool of a new server of the database."""

    async def ask() -> CallToolResult:
        async with Client(create_server(str(path), allow_run=allow_run)) as client:
            result = await client.call_tool(tool, arguments or {})
            assert isinstance(result, CallToolResult)
            return result

    return anyio.run(ask)
