import dataclasses
import enum
import pathlib
from typing import Literal

import tyro


class E(enum.Enum):
    A = 1
    B = 2


@dataclasses.dataclass
class Adam:
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)


@dataclasses.dataclass
class SGD:
    momentum: float = 0.9


@dataclasses.dataclass
class Cfg:
    """x"""

    seed: int
    opt: Adam = dataclasses.field(default_factory=Adam)
    """the optim"""
    amp: bool = True
    strict: bool = False
    kind: Literal["a", "b"] = "a"
    e: E = E.A
    path: pathlib.Path = pathlib.Path("x/y")
    layers: tuple[int, ...] = (1, 2)
    n: int | None = None
    name: str = "run"
    batch_size: int = 8
    maybe: bool | None = None
    algo: Adam | SGD = dataclasses.field(default_factory=Adam)


if __name__ == "__main__":
    import json

    print(json.dumps(dataclasses.asdict(tyro.cli(Cfg)), default=str))
