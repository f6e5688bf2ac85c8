"""From one stream of records to many backends, none of which can harm the others or the caller."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from threading import Lock
from typing import Any

from selfscope.errors import RunError, SelfscopeError
from selfscope.records import Record, Scalars
from selfscope.store.position import Position, read_cursor
from selfscope.store.writer import Writer, check_status, status_after
from selfscope.visualization.backends.contract import Adopted, BaseVisBackend, initialise
from selfscope.visualization.log import Logged, SharedLog, size_of, size_of_scalars
from selfscope.visualization.outlet import Outlet
from selfscope.visualization.ranks import rank

log = logging.getLogger(__name__)


CLOSE_RUN = 5.0
"""Seconds that the local run has, when all is written, to finish its tables and files."""

CUT_SHORT = 5.0
"""Seconds that the local run has for the records that wait when closing is interrupted."""

_forks = 0
"""How many forks lie between this process and the one that imported this module."""


def _count_fork() -> None:
    global _forks
    _forks += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_count_fork)


class FanOut:
    """Hands every record to every backend: those with a thread of their own through one log, the others at once.

    Backends are set up here, on the calling thread; threads start with the first record. One that has a `writer` (the
    local run) is what the others catch up from: after falling behind, and after an earlier session of the same run.
    `idle` is called by threads that have nothing to do, and may be called by several at once.
    """

    def __init__(self, backends: Mapping[str, Any], idle: Callable[[], None] = lambda: None) -> None:
        self._forks = _forks
        self.closed, self._started, self._ended = False, False, False
        self._only_log = False
        """Whether scalars need nothing but the log: the threads run, and nobody is called on the caller's."""
        self._starting = Lock()
        self._log = SharedLog()
        backends = {name: b if isinstance(b, BaseVisBackend) else Adopted(b) for name, b in backends.items()}
        for name, backend in backends.items():
            _set_up(name, backend)
        self._preparing: defaultdict[str, list[tuple[str, Any]]] = defaultdict(list)
        for name, backend in backends.items():
            for kind in backend.prepares:
                self._preparing[kind].append((name, backend))
        self._direct = [backend for backend in backends.values() if getattr(backend, "thread", "own") == "caller"]
        threaded = {name: backend for name, backend in backends.items() if backend not in self._direct}
        keeper = next((backend for backend in threaded.values() if _writer(backend) is not None), None)
        self._keeper = keeper
        self._outlets = [Outlet(name, backend, self._log, keeper, idle) for name, backend in threaded.items()]
        if keeper is not None:
            self._note_what_is_missing(keeper.writer)
        if backends:
            atexit.register(self._close_at_exit)  # after the trackers' own handlers, so that it runs before these

    def put(self, record: Record) -> None:
        """A few microseconds, whatever the backends do; the record may not change afterwards."""
        if self._forks != _forks:
            raise RunError("a forked process cannot write through the visualizer of its parent: write from the parent")
        if self.closed:
            raise RunError("this visualizer is closed: build another one to go on")
        if self._preparing:
            for name, backend in self._preparing.get(record.kind, ()):
                _prepare(name, backend, record)
        if self._direct and rank() == 0:
            for backend in self._direct:
                backend.write(record)
        if self._outlets:
            if not self._started:
                self._start()
            logged = Logged(record, size_of(record))
            self._log.append(logged, logged.size)

    def put_scalars(self, numbers: dict[str, float], step: int, file_path: str | None, wall_time: float) -> None:
        """What `Scalars.of_plain` takes; where all backends have threads, the record itself is made by one of these."""
        if self._only_log and self._forks == _forks:
            self._log.append((numbers, step, file_path, wall_time), size_of_scalars(numbers))
        else:
            self.put(Scalars.of_plain(numbers, step, file_path, wall_time))

    def flush(self, timeout: float) -> bool:
        """Waits until every backend has what was put before, and has flushed it; False when one did not in time."""
        if self._forks != _forks or self.closed:
            return self.closed
        for backend in self._direct:
            backend.flush()
        if not self._started:
            return True
        upto, deadline = self._log.end, time.monotonic() + timeout
        for outlet in self._outlets:
            outlet.ask_flush(upto)
        while not all(outlet.flushed(upto) for outlet in self._outlets):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.002)
        return True

    def close(self, timeout: float, status: str) -> None:
        """Hands over what is left, ends the backends, says what was lost.

        Trackers get `timeout` seconds in all; the local run is given up only when it stands still for so long.
        """
        check_status(status)
        if self._ended or self._forks != _forks:
            return
        self.closed, self._only_log = True, False
        try:
            self._hand_over_the_rest(timeout, status)
        except BaseException as error:
            self._cut_short(status_after(error) if status == "finished" else status)
            self._end()
            raise
        self._end()

    def _hand_over_the_rest(self, timeout: float, status: str) -> None:
        while self._direct:
            self._direct.pop(0).close()
        if not self._outlets:
            return
        self._start()
        for outlet in self._outlets:
            outlet.drain()
        keepers = [outlet for outlet in self._outlets if outlet.backend is self._keeper]
        deadline = time.monotonic() + timeout
        for outlet in keepers:
            while not outlet.drained.wait(0.05) and time.monotonic() - outlet.cursor.progress < timeout:
                pass
        for outlet in self._outlets:
            if outlet not in keepers:
                outlet.ended.wait(max(0.0, deadline - time.monotonic()))
            outlet.save_cursor()
        for outlet in keepers:
            _end_as(status, outlet)
            outlet.ended.wait(max(CLOSE_RUN, deadline - time.monotonic()))
        for outlet in self._outlets:
            self._report(outlet, f"it did not end within {timeout:g} s")

    def _cut_short(self, status: str) -> None:
        """Closing was interrupted: the local run gets what it can in `CUT_SHORT` seconds, trackers get nothing more."""
        for outlet in self._outlets:
            outlet.drain()
            if outlet.backend is not self._keeper:
                outlet.abandon()
        for outlet in self._outlets:
            if outlet.backend is self._keeper and self._started:
                outlet.drained.wait(CUT_SHORT)
                _end_as(status, outlet)
                outlet.abandon()
                outlet.ended.wait(CLOSE_RUN)
            outlet.save_cursor()
            self._report(outlet, "closing was interrupted")

    def _end(self) -> None:
        """Last of all: until here, the end of the program would finish what another interrupt left undone."""
        self._ended = True
        atexit.unregister(self._close_at_exit)

    def _start(self) -> None:
        with self._starting:
            if not self._started:
                for outlet in self._outlets:
                    outlet.start()
                self._started = True
                self._only_log = not (self.closed or self._direct or "scalars" in self._preparing)

    def _note_what_is_missing(self, writer: Writer) -> None:
        end = writer.position()
        for outlet in self._outlets:
            if outlet.backend is self._keeper:
                continue
            had = Position() if outlet.backend.begins_anew else read_cursor(writer.path, outlet.name)
            start = Position(min(had.scalars, end.scalars), min(had.media, end.media))
            if start != end:
                outlet.cursor.behind = (start, end)

    def _report(self, outlet: Outlet, late: str) -> None:
        """One sentence for a backend that does not have everything; `late` says why, where it has not ended."""
        unsent = outlet.unsent() + outlet.lost + outlet.cursor.lost
        keeper = self._keeper if outlet.backend is not self._keeper else None
        why = f" ({outlet.last_error})" if outlet.last_error else ""
        if not outlet.ended.is_set():
            outlet.abandon()
            why = f" ({late})"
        if unsent or outlet.cursor.behind is not None or not outlet.ended.is_set():
            where = f": they are in {keeper.writer.path}" if keeper is not None else ""
            records = "1 record was" if unsent == 1 else f"{unsent} records were"
            earlier = ", and earlier ones" if outlet.cursor.behind is not None else ""
            log.warning("%s: %s not handed over%s%s%s", outlet.name, records, earlier, why, where)
        for reason, times in outlet.refused.items():
            if times > 1:
                log.warning("%s: %d times: %s", outlet.name, times, reason)

    def _close_at_exit(self) -> None:
        if self.closed and self._forks == _forks:  # interrupted, and interrupted again while it was cut short
            self._cut_short("interrupted")
            self._end()
        self.close(30.0, status_after(getattr(sys, "last_value", None)))


def _end_as(status: str, outlet: Outlet) -> None:
    """Lets the local run end; once it is to end as something other than finished, it does."""
    if outlet.backend.status == "finished":
        outlet.backend.status = status
    outlet.end()


def _set_up(name: str, backend: Any) -> None:
    """What the user can mend (a missing package, a folder that cannot be written) is raised; a tracker that is down is
    tried again with the first record."""
    try:
        initialise(backend)
    except (SelfscopeError, ImportError, TypeError, AttributeError):
        raise
    except Exception as error:  # noqa: BLE001 - a tracker may raise anything
        log.warning("%s: could not be set up yet: %s: %s", name, type(error).__name__, error)


def _prepare(name: str, backend: Any, record: Record) -> None:
    try:
        backend.prepare(record)
    except Exception as error:  # noqa: BLE001 - what a tracker makes of a model may fail in any way; it is kept as text
        log.warning("%s: %s not prepared: %s: %s", name, record.kind, type(error).__name__, error)


def _writer(backend: Any) -> Writer | None:
    writer = getattr(backend, "writer", None)
    return writer if isinstance(writer, Writer) else None
