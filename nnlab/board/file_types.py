"""The type of a file by its content."""

from pathlib import Path

_SNIFFED_BYTES = 4_096
_IMAGE_STARTS = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
DOWNLOAD_TYPE = "application/octet-stream"


def is_image_type(content_type: str) -> bool:
    """Whether it is that of a raster image."""
    return content_type.startswith("image/")


def sniff_content_type(path: Path) -> str:
    """The type of a raster image or of plain text by its first bytes, else that of a download."""
    with path.open("rb") as file:
        start = file.read(_SNIFFED_BYTES)
    for magic, image_type in _IMAGE_STARTS:
        if start.startswith(magic):
            return image_type
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "image/webp"
    if b"\0" in start:
        return DOWNLOAD_TYPE
    try:
        # The last character may be cut off.
        start.decode() if len(start) < _SNIFFED_BYTES else start[:-4].decode(errors="strict")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 8:
            return DOWNLOAD_TYPE
    return "text/plain; charset=utf-8"
