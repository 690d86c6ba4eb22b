"""A console of rich that escapes control characters, used for all output."""

from collections.abc import Iterable
from typing import Any, NoReturn

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from nnlab.io.escaping import escape_terminal


class SafeConsole(Console):
    """A console that escapes control characters in all text, including live displays.

    The escape sequences of rich itself, for colours and the cursor, are not affected.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(highlight=False, **settings)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """The segments of a renderable with escaped text."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable():
                yield segment
            else:
                yield Segment(escape_terminal(segment.text), segment.style)

    def on_broken_pipe(self) -> NoReturn:
        """Raises BrokenPipeError, which ends the command; the default of rich ends the process."""
        raise BrokenPipeError
