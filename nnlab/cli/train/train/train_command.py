"""The command class of `nnlab train`: it recognizes options of `nnlab init-study`."""

from typing import Any

from nnlab.cli.argument_options import SettingsCommand
from nnlab.errors import UsageError

# Options of `nnlab init-study` that users try with `nnlab train`.
_INIT_STUDY_OPTIONS = frozenset(
    {"--question", "--sampler", "--trials", "--sampler-seed", "--at-once", "--pruner"}
)


class TrainCommand(SettingsCommand):
    """A command that suggests `init-study` when one of its options is given."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parses the arguments like any other command.

        Raises:
            UsageError: an option belongs to `init-study`.
        """
        options_end = args.index("--") if "--" in args else len(args)
        for argument in args[:options_end]:
            option = argument.partition("=")[0]
            if option in _INIT_STUDY_OPTIONS:
                raise UsageError(
                    f"{option} describes a study, which nnlab init-study sets up",
                    hint=f"nnlab init-study NAME --lr 1e-4..1e-1 {option} ..., and then"
                    " nnlab train --study NAME",
                )
        return super().parse_args(ctx, args)
