import json

import typer

app = typer.Typer()


@app.callback()
def main(verbose: bool = False):
    pass


@app.command()
def fit(lr: float = 0.1):
    print(json.dumps({"lr": lr}))


@app.command("other")
def o():
    pass


db = typer.Typer()
app.add_typer(db, name="db")


@db.command()
def up(n: int = 3):
    print(n)


if __name__ == "__main__":
    app()
