"""The command classes of `nnlab run` and `nnlab init-study`, which also take flags of a script."""

from typing import Any

from typer.core import TyperCommand

from nnlab.cli.argument_options import SettingsCommand
from nnlab.cli.train.script_run.argument_split import OWN_OPTIONS, SCRIPT_TOKENS, split_arguments
from nnlab.errors import UsageError
from nnlab.settings import setting_fields

_STUDY_OPTIONS = ("--sampler", "--trials", "--sampler-seed", "--at-once", "--pruner")
# Settings of nnlab whose options mean the same for a script.
_KEPT_SETTINGS = ("objective", "seed", "metrics")


class ScriptCommand(TyperCommand):
    """A command with a script, and with the script's own flags behind it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the options of nnlab; the arguments of the script are kept in the context.

        Raises:
            UsageError: an option belongs to `init-study`.
        """
        is_command = any(word.partition("=")[0] == "--cmd" for word in _before_dashes(args))
        split = split_arguments(args, self.params, has_script_argument=not is_command)
        for word in split.script:
            option = word.partition("=")[0]
            if option in _STUDY_OPTIONS:
                raise UsageError(
                    f"{option} describes a study, which nnlab init-study sets up",
                    hint=f"nnlab init-study NAME --script train.py --lr 1e-4..1e-1 {option} ...,"
                    f" then nnlab train --study NAME; --flag.{option[2:]} is a flag of the script",
                )
        ctx.meta[SCRIPT_TOKENS], ctx.meta[OWN_OPTIONS] = split.script, split.own_options
        return super().parse_args(ctx, list(split.own))


class StudyCommand(SettingsCommand):
    """`init-study`: with `--script` or `--cmd`, all settings are flags of the script."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments like any other command, or like those of a script."""
        given = {word.partition("=")[0] for word in _before_dashes(args)}
        if not given & {"--script", "--cmd"}:
            return super().parse_args(ctx, args)
        settings = set(setting_fields()) - set(_KEPT_SETTINGS)
        own = [parameter for parameter in self.params if parameter.name not in settings]
        name = [args[0]] if args and not args[0].startswith("-") else []
        split = split_arguments(args[len(name) :], own, has_script_argument=False)
        ctx.meta[SCRIPT_TOKENS], ctx.meta[OWN_OPTIONS] = split.script, split.own_options
        return super().parse_args(ctx, [*name, *split.own])


def _before_dashes(args: list[str]) -> list[str]:
    return args[: args.index("--")] if "--" in args else args
