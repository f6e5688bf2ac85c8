"""One backend behind the log: its thread, its failures, what it missed, up to where it has the run."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from threading import Event, Thread
from typing import Any, Protocol

from selfscope.errors import RecordError, RunError
from selfscope.records import Record
from selfscope.store.position import Position, write_cursor
from selfscope.store.reader import Run
from selfscope.store.replay import Replayed, replay
from selfscope.store.writer import Writer
from selfscope.visualization.backends.contract import UnsupportedRecordError, initialise
from selfscope.visualization.log import LIMIT, Cursor, Logged, SharedLog
from selfscope.visualization.ranks import rank

log = logging.getLogger(__name__)

POLL = 0.05
BATCH = 256
FIRST_WAIT, LONGEST_WAIT = 0.5, 60.0
SUSPECT_AFTER = 5
"""Failures of one record after which the next one is tried, to tell a bad record from a tracker that is down."""
TRIES_AT_CLOSE = 3


class Keeper(Protocol):
    """The local backend: what it wrote can be read again by the others."""

    @property
    def writer(self) -> Writer: ...


class Outlet:
    """Hands records to one backend on a thread of its own, in order, each until it is kept, refused, or given up."""

    def __init__(
        self, name: str, backend: Any, shared: SharedLog, keeper: Keeper | None, idle: Callable[[], None] = lambda: None
    ) -> None:
        self.name, self.backend = name, backend
        self.cursor = Cursor()
        self.refused: Counter[str] = Counter()
        self.lost = 0
        self.drained, self.ended = Event(), Event()
        self.last_error = ""
        self._log, self._idle = shared, idle
        self._local = keeper.writer if keeper is not None else None
        self._is_keeper = keeper is backend
        self._wake, self._closing, self._may_end = Event(), Event(), Event()
        self._flush_to = self._flushed_to = 0
        self._in_hand = 0
        self._abandoned = False
        self._position: Position | None = None
        self._safe: Position | None = None
        self._closed_well = False
        self._last: Logged | None = None
        self._suspect: tuple[Callable[[Any], None], Any] | None = None
        self._failing = 0
        self._writes = True
        self._saved_at = 0.0
        self._here = self._local.position() if self._local is not None else Position()
        shared.cursors.append(self.cursor)
        if self._is_keeper:
            shared.keeper = self.cursor

    def start(self) -> None:
        Thread(target=self._run, name=f"selfscope to {self.name}", daemon=True).start()

    def ask_flush(self, upto: int) -> None:
        self._flush_to = upto
        self._wake.set()

    def flushed(self, upto: int) -> bool:
        return self._flushed_to >= upto or self.ended.is_set()

    def drain(self) -> None:
        """From now on the thread hands over what there is, then stops; failures are no longer waited out for long.

        Then it closes the backend; the local one only after `end`, since the others read from it until they are done.
        """
        if not self._is_keeper:
            self._may_end.set()
        self._closing.set()
        self._wake.set()

    def end(self) -> None:
        self._may_end.set()

    def abandon(self) -> None:
        """Time is over: should the call under way ever return, the thread takes nothing more."""
        self._abandoned = True
        self._may_end.set()

    def unsent(self) -> int:
        """Records in the log, or taken from it, that the backend does not have."""
        return self._log.end - self.cursor.next + self._in_hand + (self._suspect is not None)

    def save_cursor(self) -> None:
        """Notes in the run up to where the backend has it, flushed: what it held in memory is sent again if it dies."""
        safe = self._reached() if self._closed_well else self._safe
        if self._local is not None and not self._is_keeper and safe is not None:
            write_cursor(self._local.path, self.name, safe)

    def _run(self) -> None:
        try:
            while not (self._closing.is_set() and self._done()):
                if not self._step():
                    self.cursor.progress = time.monotonic()
                    self._flush_if_asked()
                    self._idle()
                    self._wake.wait(POLL)
                    self._wake.clear()
        except GivenUp:
            pass  # counted by `unsent`, and said when the visualizer closes
        except Exception:
            log.exception("%s: nothing more is handed to it", self.name)
        self.drained.set()
        self._may_end.wait()
        try:
            self.backend.close()
            self._closed_well = True
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything
            log.warning("%s: did not close well: %s: %s", self.name, type(error).__name__, error)
        self.ended.set()

    def _done(self) -> bool:
        taken_all = self.cursor.next == self._log.end and self.cursor.behind is None
        return taken_all and self._flushed_to >= self._flush_to

    def _step(self) -> bool:
        """Takes and hands over some records; False when there were none."""
        taken, behind = self._log.take(self.cursor, BATCH)
        started = time.thread_time()
        self._writes = rank() == 0  # the process may have joined others after the visualizer was made
        if behind is not None:
            self._catch_up(*behind)
        self._in_hand = len(taken)
        for logged in taken:
            self._hand_over(logged)
            self._in_hand -= 1
        self._save_cursor_now_and_then()
        self._leave_time_to_others(time.thread_time() - started)
        return bool(taken or behind)

    def _leave_time_to_others(self, spent: float) -> None:
        """All threads share one interpreter: together they take about half of it at most while the loop runs.

        The local run is kept within the second: it rests after small things only. Encoding pictures hinders nobody.
        """
        hurried = self._closing.is_set() or self._flush_to > self._flushed_to or self._log.bytes > LIMIT // 2
        rest = 2 * spent * (spent < 0.01) if self._is_keeper else 4 * spent * len(self._log.cursors)
        if rest and not hurried:
            self.cursor.progress = time.monotonic()
            self._wake.wait(min(0.5, rest))

    def _hand_over(self, logged: Logged) -> None:
        self._until_kept(self._write, logged.record)
        if self._is_keeper and self._local is not None:
            logged.begins, self._here = self._here, self._local.position()
            logged.ends = self._here
        if self._suspect is None:
            self._position, self._last = self._reached(), logged

    def _catch_up(self, start: Position, end: Position) -> None:
        """Reads from the local run what left the log before it was taken."""
        assert self._local is not None
        self._local.files.flush()
        log.info("%s: catches up from the local run", self.name)
        self._last, self._position = None, self._reached() or start
        for stored in replay(Run(self._local.path), start, end):
            try:
                self._until_kept(self._load_and_write, stored)
            except GivenUp:
                self.cursor.behind = (self._position, end)
                raise
            if self._suspect is None:
                self._position = stored.ends
            self._save_cursor_now_and_then()

    def _write(self, record: Record) -> None:
        if self._writes:
            initialise(self.backend)
            self.backend.write(record)

    def _load_and_write(self, stored: Replayed) -> None:
        self._write(stored.load())

    def _until_kept(self, write: Callable[[Any], None], item: Any) -> None:
        """Returns when the record is kept, refused for good, or set aside as suspect."""
        tries = 0
        if self._abandoned:
            raise GivenUp
        while not self._try(write, item):
            tries += 1
            closing = self._closing.is_set()
            if self._suspect is None and tries >= (TRIES_AT_CLOSE if closing else SUSPECT_AFTER):
                self._suspect = write, item
                return
            if closing and tries >= TRIES_AT_CLOSE:
                raise GivenUp
            delay = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(self._failing - 1, 10))
            time.sleep(0.1) if closing else self._closing.wait(delay)
        self.cursor.progress = time.monotonic()
        if self._suspect is not None:  # the tracker works: was it this record, or was the tracker down?
            suspect, self._suspect = self._suspect, None
            self.lost += not self._try(*suspect)

    def _try(self, call: Callable[..., None], *item: Any) -> bool:
        try:
            call(*item)
        except (UnsupportedRecordError, RecordError) as error:
            self._refuse(str(error))
            return True
        except RunError as error:
            if self._is_keeper:  # a full disk: try again
                return self._failed(error)
            self._refuse(str(error))  # a file of the run is gone
            return True
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything; the others and the loop go on
            if not self._is_keeper or isinstance(error, OSError):
                return self._failed(error)
            self._refuse(f"a record cannot be kept: {type(error).__name__}: {error}")  # it would fail again
            return True
        self._failing = 0
        return True

    def _failed(self, error: Exception) -> bool:
        self.last_error = f"{type(error).__name__}: {error}"
        if not self._failing:
            log.warning("%s: %s; it is tried again, the others go on", self.name, self.last_error)
        self._failing += 1
        return False

    def _refuse(self, reason: str) -> None:
        if not self.refused[reason]:
            log.warning("%s: %s", self.name, reason)
        self.refused[reason] += 1

    def _flush_if_asked(self) -> None:
        asked = self._flush_to
        has_all = self.cursor.next >= asked and self.cursor.behind is None
        if has_all and asked > self._flushed_to and (self._try(self.backend.flush) or self._closing.is_set()):
            self._flushed_to = asked

    def _reached(self) -> Position | None:
        return self._last.ends if self._last is not None and self._last.ends is not None else self._position

    def _save_cursor_now_and_then(self) -> None:
        reached = self._reached()
        if reached is None or self._is_keeper or time.monotonic() - self._saved_at < 1.0:
            return
        self._saved_at = time.monotonic()
        if self._try(self.backend.flush):
            self._safe = reached
            self.save_cursor()


class GivenUp(Exception):
    """A backend failed again and again while the visualizer was closing."""
