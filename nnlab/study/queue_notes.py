"""Notes about queued runs: data files that were moved, runs that keep another name."""

from nnlab.io.text import format_count
from nnlab.study.queue import QueuedRuns

_MAX_NAMES = 5


def queue_notes(queued: QueuedRuns) -> tuple[str, ...]:
    """What the user should know about queued runs."""
    moved = [
        f"{new} has the content of {old}: its runs belong to the trials of {old}"
        for old, new in queued.moved_paths
    ]
    return (*moved, *_kept_name_notes(queued))


def _kept_name_notes(queued: QueuedRuns) -> list[str]:
    """A note that names the runs that existed already and keep their name, or have none."""
    kept_names = queued.enqueued.kept_names
    if not kept_names:
        return []
    listed = [
        f"run {run_id} {'without a name' if old_name is None else repr(old_name)}"
        for run_id, old_name in list(kept_names.items())[:_MAX_NAMES]
    ]
    more = len(kept_names) - len(listed)
    return [
        f"--name {queued.name!r} was not given to {format_count(len(kept_names), 'run')} with the"
        f" same setting and seed: {', '.join(listed)}{f' and {more:,} more' if more else ''};"
        " --again trains new runs under that name"
    ]
