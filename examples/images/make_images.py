"""Writes the images of this example: `images/CLASS/NNN.png`, 12 x 12 pixels in grey.

Each image shows a disc, a square or a cross of random size, place and brightness, with noise.
"""

from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 12
COUNT = 100  # of each class


def draw(shape: str, generator: np.random.Generator) -> np.ndarray:
    """One image [SIZE, SIZE] of pixels from 0 to 255."""
    radius = generator.uniform(2.0, 4.0)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    center = generator.uniform(radius, SIZE - 1 - radius, size=2)
    down, right = np.abs(rows - center[0]), np.abs(columns - center[1])
    inside = {
        "disc": np.hypot(down, right) <= radius,
        "square": np.maximum(down, right) <= 0.85 * radius,
        "cross": (np.minimum(down, right) <= 0.7) & (np.maximum(down, right) <= radius),
    }[shape]
    pixels = inside * generator.uniform(100, 220) + generator.normal(20, 12, (SIZE, SIZE))
    return pixels.clip(0, 255).astype(np.uint8)


def main() -> None:
    """Writes all images; the same ones every time."""
    generator = np.random.default_rng(0)
    for shape in ("disc", "square", "cross"):
        folder = Path("images") / shape
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(COUNT):
            Image.fromarray(draw(shape, generator)).save(folder / f"{number:03d}.png")


if __name__ == "__main__":
    main()
