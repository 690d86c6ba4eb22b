import json

import click


@click.group()
@click.option("--verbose/--quiet", default=False)
def cli(verbose):
    click.get_current_context().obj = {"verbose": verbose}


@cli.command()
@click.option("--lr", "-l", type=float, default=0.1, show_default=True, help="rate")
@click.option("--opt", type=click.Choice(["sgd", "adam"]), default="sgd")
@click.option("--amp/--no-amp", default=True)
@click.option("--fast", is_flag=True)
@click.option("--flagval", type=bool, default=False)
@click.option("--layers", type=int, multiple=True, default=[1, 2])
@click.option("--betas", nargs=2, type=float, default=(0.9, 0.99))
@click.option("-v", "v", count=True)
@click.option("--upper", "case", flag_value="upper")
@click.option("--lower", "case", flag_value="lower")
@click.option("--rng", type=click.IntRange(0, 10))
@click.argument("data", type=click.Path())
@click.pass_context
def fit(ctx, **k):
    print(json.dumps({**ctx.obj, **k}))


@cli.command()
def test():
    pass


if __name__ == "__main__":
    cli()
