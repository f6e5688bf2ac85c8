"""Sending a finished run to a tracker: everything that it does not have of it yet."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from selfscope.errors import RecordError, RunError
from selfscope.store.position import Position, read_cursor, write_cursor
from selfscope.store.reader import Run, open_run
from selfscope.store.replay import Replayed, end_of, replay
from selfscope.visualization.backends.contract import BaseVisBackend, UnsupportedRecordError, initialise

log = logging.getLogger(__name__)


@dataclass
class Sent:
    """How many records went, and why others did not."""

    count: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def sync(
    run: str | Path | Run,
    backend: BaseVisBackend,
    *,
    name: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Sent:
    """Hands a backend what it lacks of a run, and remembers in `cursors/<name>.json` up to where it has it.

    `name` is what the backend is called there (by default its type's name), as in a Visualizer. `progress` gets bytes
    of the run. A failure of the tracker is raised; the next call goes on from there. A run that is being written is
    refused: its own Visualizer sends it. The backend is not closed.
    """
    run = run if isinstance(run, Run) else open_run(run)
    if run.status == "running":
        raise RunError(f"{run.path}: is still being written, and its Visualizer sends it: wait until it has ended")
    name = name or type(backend).__name__
    initialise(backend)
    at = Position() if backend.begins_anew else read_cursor(run.path, name)
    end, sent = end_of(run), Sent()
    total, saved_at = sum(end), time.monotonic()
    try:
        for stored in replay(run, at, end):
            _send(stored, backend, sent)
            at = stored.ends
            progress(sum(at), total)
            if time.monotonic() - saved_at > 1.0:
                saved_at = time.monotonic()
                backend.flush()
                write_cursor(run.path, name, at)
        at = Position(max(at.scalars, end.scalars), max(at.media, end.media))
    finally:
        backend.flush()
        write_cursor(run.path, name, at)
    for reason, times in sent.refused.items():
        log.warning("%s: %d times: %s", name, times, reason)
    return sent


def _send(stored: Replayed, backend: BaseVisBackend, sent: Sent) -> None:
    try:
        backend.write(stored.load())
    except (UnsupportedRecordError, RecordError, RunError) as error:
        sent.refused[str(error)] += 1
    else:
        sent.count += 1
