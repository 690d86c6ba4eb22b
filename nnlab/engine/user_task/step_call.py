"""Calls to the steps of a user task with the parameters that their signatures name."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from nnlab.engine import memory
from nnlab.engine.error_description import describe_error
from nnlab.engine.user_code import display_path
from nnlab.engine.user_task.batches import describe_batch
from nnlab.errors import NnlabError, UserCodeError

# Parameters that a step receives by name.
_BY_NAME = ("optimizers", "epoch", "step", "dataloader_idx")


class StepCall:
    """A step of a user task: called with a batch, and with what else its signature names."""

    def __init__(self, reference: str, method: Callable[..., Any]) -> None:
        """Reads the signature.

        Raises:
            UserCodeError: it has no parameter for the batch, or one that nnlab does not pass.
        """
        self._reference, self._method = reference, method
        self._name = method.__name__
        kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(method).parameters
        self._by_name = [name for name in _BY_NAME if name in parameters]
        positional = [p for n, p in parameters.items() if p.kind in kinds and n not in _BY_NAME]
        required = [p.name for p in positional if p.default is p.empty]
        keywords = [
            p.name
            for name, p in parameters.items()
            if p.kind is p.KEYWORD_ONLY and p.default is p.empty and name not in _BY_NAME
        ]
        if not positional or len(required) > 2 or keywords:
            names = ", ".join(parameters)
            raise UserCodeError(
                f"--task {reference}: {self._name}({names}) must be"
                f" {self._name}(batch) or {self._name}(batch, batch_idx); optimizers, epoch and"
                f" step are passed by name - {self.location}"
            )
        self._takes_index = len(positional) > 1

    @property
    def location(self) -> str:
        """The user's file and line, such as `gan.py, line 12, in training_step`."""
        code = inspect.unwrap(self._method).__code__
        return f"{display_path(code.co_filename)}, line {code.co_firstlineno}, in {self._name}"

    def __call__(self, batch: Any, batch_index: int, named: Mapping[str, Any]) -> Any:
        """The result of the step for a batch.

        Raises:
            UserCodeError: it raises an error; the message has the user's line and the batch.
        """
        arguments = (batch, batch_index) if self._takes_index else (batch,)
        keywords = {name: named[name] for name in self._by_name if name in named}
        try:
            return self._method(*arguments, **keywords)
        except NnlabError:
            raise
        except Exception as error:
            if memory.is_out_of_memory(error):
                raise
            raise UserCodeError(
                f"--task {self._reference}: {self._name} raises an error:"
                f" {describe_error(error)} - batch {batch_index}: {describe_batch(batch)}"
            ) from error
