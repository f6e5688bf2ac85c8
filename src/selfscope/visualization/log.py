"""The log that all backends read: one append for the caller however many there are, bounded in bytes.

Every backend has a cursor into it. What all have read goes; when the log is full, the oldest records go although some
backend has not read them: it then reads them from the local run, or, without one, has lost them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from selfscope.records import Record, Scalars
from selfscope.store.replay import Position

LIMIT = 256 * 2**20
KEPT_TWICE = 32 * 2**20
"""Bytes that may wait for slow backends although the local run has them already."""
IN_HAND = 4 * 2**20
PATIENCE = 1.0
"""Seconds that a full log waits for a backend to make progress before it lets records go."""


@dataclass(eq=False, slots=True)
class Logged:
    """A record in the log; the local backend notes where it begins and ends in the files of the run."""

    record: Record
    size: int
    begins: Position | None = None
    ends: Position | None = None


class Cursor:
    """Where one backend stands: the number of the record it takes next, and what it must read from the local run."""

    def __init__(self) -> None:
        self.next = 0
        self.behind: tuple[Position, Position] | None = None
        """From where to where in the run lie records that left the log before they were taken."""
        self.lost = 0
        """Records that left the log and are not in the run either."""
        self.progress = time.monotonic()
        """When it last finished a record or had nothing to do."""

    def missed(self, logged: Logged) -> None:
        if logged.begins is None or logged.ends is None:
            self.lost += 1
        else:
            self.behind = (self.behind[0] if self.behind else logged.begins, logged.ends)


Line = tuple[dict[str, float], int, "str | None", float]
"""Scalars as a caller hands them over, checked and copied: what `Scalars.of_plain` takes. Few of a cache's lines are
touched by these, and a step of a training has just emptied the cache."""


class SharedLog:
    """Records by number, from `first` on. Numbers only grow."""

    def __init__(self) -> None:
        self._limit = LIMIT
        self._lock = Lock()
        self._entries: list[Logged | Line | None] = []
        self._base = 0
        """Number of `_entries[0]`; entries that went are None until the list is cut, and lines of scalars are no
        records until a backend's thread asks for them."""
        self.first = 0
        self.bytes = 0
        self.cursors: list[Cursor] = []
        self.keeper: Cursor | None = None
        """The local backend's: what it has written can be read again."""

    @property
    def end(self) -> int:
        """The number that the next record gets."""
        return self._base + len(self._entries)

    def append(self, entry: Logged | Line, size: int) -> None:
        """Adds an entry; waits only when the log is full and a backend that still works has not taken the oldest.

        A line of scalars becomes a record on the thread of the first backend that takes it.
        """
        with self._lock:
            if self.bytes + size <= self._limit or self._make_room(size):
                self._entries.append(entry)
                self.bytes += size
                if self.bytes > KEPT_TWICE:
                    self._let_go_what_is_kept()
                return
        while not self._is_added(entry, size):
            time.sleep(0.002)

    def _is_added(self, entry: Logged | Line, size: int) -> bool:
        with self._lock:
            fits = self._make_room(size)
            if fits:
                self._entries.append(entry)
                self.bytes += size
            return fits

    def _at(self, number: int) -> Logged:
        """The entry of a number that has not gone; a line of scalars is made a record, once for all backends."""
        entry = self._entries[number - self._base]
        if entry.__class__ is tuple:
            record = Scalars.of_plain(*entry)
            entry = self._entries[number - self._base] = Logged(record, size_of_scalars(record.values))
        return entry  # type: ignore[return-value]

    def take(self, cursor: Cursor, most: int) -> tuple[list[Logged], tuple[Position, Position] | None]:
        """The next records of a backend, at most so many; or, before these, the part of the run that it must read."""
        with self._lock:
            if cursor.behind is not None:
                behind, cursor.behind = cursor.behind, None
                return [], behind
            taken = self._next_of(cursor, most)
            cursor.next += len(taken)
            self._release()
            return taken, None

    def _next_of(self, cursor: Cursor, most: int) -> list[Logged]:
        """Few enough that what a backend holds in its hands, and the log no longer counts, stays small."""
        held = 0
        taken: list[Logged] = []
        for number in range(cursor.next, min(cursor.next + most, self.end)):
            logged = self._at(number)
            held += logged.size
            if taken and held > IN_HAND:
                break
            taken.append(logged)
        return taken

    def _let_go_what_is_kept(self) -> None:
        while self.bytes > KEPT_TWICE and self._at(self.first).ends is not None:
            self._let_go()

    def _make_room(self, size: int) -> bool:
        """Lets the oldest records go until `size` fits; False when a working backend must take one of them first."""
        while self.bytes + size > self._limit and self.first < self.end:
            oldest = self._at(self.first)
            late = [cursor for cursor in self.cursors if cursor.next <= self.first]
            awaited = late if self.keeper is None else [self.keeper]
            now = time.monotonic()
            if late and oldest.ends is None and any(now - cursor.progress < PATIENCE for cursor in awaited):
                return False
            self._let_go()
        return True

    def _let_go(self) -> None:
        """Drops the oldest record; backends that have not taken it note what they missed."""
        oldest = self._at(self.first)
        for cursor in self.cursors:
            if cursor.next <= self.first:
                cursor.missed(oldest)
                cursor.next = self.first + 1
        self._drop()

    def _release(self) -> None:
        """Lets go what every backend has taken."""
        slowest = min((cursor.next for cursor in self.cursors), default=self.end)
        while self.first < slowest:
            self._drop()

    def _drop(self) -> None:
        at = self.first - self._base
        oldest = self._entries[at]
        assert isinstance(oldest, Logged)  # whoever lets it go has seen it
        self.bytes -= oldest.size
        self._entries[at] = None
        self.first += 1
        if at > 4096 and 2 * at > len(self._entries):  # cut rarely: each cut moves the rest
            del self._entries[: at + 1]
            self._base = self.first


def size_of_scalars(numbers: Mapping[str, float]) -> int:
    return 400 + 120 * len(numbers)


def size_of(record: Record) -> int:
    """Roughly the bytes of memory that a record keeps; arrays mapped from a file keep none."""
    if isinstance(record, Scalars):
        return size_of_scalars(record.values)
    return 400 + sum(_size(value) for value in vars(record).values())


def _size(value: Any) -> int:
    if isinstance(value, np.ndarray):
        return 0 if isinstance(value, np.memmap) else value.nbytes
    if isinstance(value, (str, bytes)):
        return len(value)
    if hasattr(value, "values") and hasattr(value, "keys"):
        return sum(_size(item) for item in value.values())
    if isinstance(value, (list, tuple)):
        return 8 * len(value) + (sum(_size(item) for item in value) if len(value) < 1000 else 100 * len(value))
    if hasattr(value, "__dataclass_fields__"):
        return sum(_size(getattr(value, name)) for name in value.__dataclass_fields__)
    return 64
