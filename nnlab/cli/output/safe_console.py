"""The screen that every command prints on: no control character of a text reaches a terminal."""

from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nnlab.io.escaping import escape_terminal


class SafeConsole(Console):
    """A console of rich that escapes control characters in all text, also of live displays.

    What rich itself sends to move the cursor and to colour text is passed on.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of a renderable, their text escaped."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escape_terminal(segment.text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        """Raises BrokenPipeError, which ends the command; rich would end the process."""
        raise BrokenPipeError
