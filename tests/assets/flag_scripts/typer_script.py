import enum
import json
from pathlib import Path
from typing import Annotated

import typer


class Optimizer(enum.Enum):
    sgd = "sgd"
    adam = "ADAM"


app = typer.Typer()


@app.command()
def fit(
    data: Path,
    lr: float = 0.1,
    n: int | None = None,
    amp: bool = True,
    fast: Annotated[bool, typer.Option("--fast")] = False,
    opt: Optimizer = Optimizer.sgd,
    layers: list[int] = [1, 2],
    betas: tuple[float, float] = (0.9, 0.99),
    name: str = "run",
    batch_size: Annotated[int, typer.Option("--batch-size", "-b", help="how many")] = 8,
    v: Annotated[int, typer.Option("-v", count=True)] = 0,
):
    d = dict(locals())
    print(
        json.dumps(
            {
                k: (x.value if isinstance(x, enum.Enum) else str(x) if isinstance(x, Path) else x)
                for k, x in d.items()
            }
        )
    )


if __name__ == "__main__":
    app()
