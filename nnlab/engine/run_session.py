"""The session of a run and its training, for data in memory and over loaders."""

from collections.abc import Callable, Iterator

from nnlab.engine import loader_loop, loop
from nnlab.engine.loader_session import LoaderSession, build_loader_session
from nnlab.engine.session import Session, build_session
from nnlab.records import Epoch
from nnlab.settings import RunConfig, is_loader_run

AnySession = Session | LoaderSession


def build_run_session(config: RunConfig) -> AnySession:
    """A session before its first epoch, of the kind that a resolved config needs.

    Raises:
        NnlabError: as `build_session` and `build_loader_session` do.
    """
    return build_loader_session(config) if is_loader_run(config) else build_session(config)


def train_session(
    session: AnySession,
    should_stop: Callable[[], bool],
    on_step: Callable[[LoaderSession], bool],
) -> Iterator[Epoch]:
    """Trains a session; yields its epochs.

    Args:
        session: new, or restored from a checkpoint.
        should_stop: called after each epoch; training is interrupted when it returns True.
        on_step: called between the steps of a run over loaders, which can be saved and
            interrupted there.
    """
    if isinstance(session, LoaderSession):
        return loader_loop.train(session, should_stop, on_step)
    return loop.train(session, should_stop)
