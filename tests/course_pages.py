"""A course in tests, and what its pages contain: tags, links, identifiers and text."""

from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

_VOID = {"meta", "input", "img", "br", "link", "hr", "source", "wbr"}


@dataclass(frozen=True)
class BuiltCourse:
    """A course, and the database that it was built from."""

    folder: Path
    db: Path

    @property
    def pages(self) -> list[Path]:
        return sorted(self.folder.glob("*.html"))


class CourseHtml(HTMLParser):
    """A page of the course; every opened element must be closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.links: list[str] = []
        self.resources: list[str] = []
        self.ids: list[str] = []
        self.labels: list[str] = []
        self.images: list[dict[str, str]] = []
        self.frames: list[dict[str, str]] = []
        self.copied: list[str] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(path.read_text())
        self.close()
        assert not self._open, f"{path.name}: not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag not in _VOID:
            self._open.append(tag)
        if "href" in values:
            self.links.append(values["href"])
        self.resources += [values[name] for name in ("src", "srcset", "data") if name in values]
        self.ids += [values["id"]] if "id" in values else []
        self.labels += [values["aria-labelledby"]] if "aria-labelledby" in values else []
        self.images += [values] if tag == "img" else []
        self.frames += [values] if tag == "iframe" else []
        self.copied += [values["data-copy"]] if "data-copy" in values else []

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] not in ("style", "script"):
            self.text += data
