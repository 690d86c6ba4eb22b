"""`python -m nnlab` is `nnlab`."""

from nnlab.cli.main import entry

if __name__ == "__main__":
    entry()
