"""The words of command lines that repeat a request; used by hints and by results."""

from pathlib import Path

from nnlab.io.command_line import quote_command
from nnlab.objective import format_exact
from nnlab.settings import setting_field
from nnlab.study.request import TrainRequest


def option_arguments(name: str, value: object) -> list[str]:
    """The words of a command line that set a field of a setting: `["--lr", "0.1"]`."""
    field = setting_field(name)
    if field.option.flag:
        return [field.flag if value else f"--no-{field.flag[2:]}"]
    return [field.flag, _option_value(value)]


def _option_value(value: object) -> str:
    if isinstance(value, list | tuple):
        return ",".join(map(_option_value, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_exact(value) if isinstance(value, float) else str(value)


def extend_command(command: str, request: TrainRequest, config: Path | None) -> str:
    """The command line of a request with `--extend` added.

    Args:
        command: `train` or `init-study`.
        request: the request as typed, before the settings of a file were merged into it.
        config: the TOML file of the request, if it has one.
    """
    words: list[object] = ["nnlab", command]
    if request.study is not None:
        words += ["--study", request.study] if command == "train" else [request.study]
    if config is not None:
        words += ["--config", config]
    for name, value in request.settings.items():
        words += option_arguments(name, value)
    for flag, seeds in (("--seed", request.seed), ("--seeds", request.seeds)):
        words += [] if seeds is None else [flag, seeds]
    return quote_command(*words, "--extend")
