"""Records of a run again, from one position of its files to another: how a backend gets what it missed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from selfscope.plain_numbers import RESERVED_TAGS
from selfscope.records import Record, Scalars
from selfscope.store.entries import entry_of
from selfscope.store.lines import is_placed, number_of, time_of
from selfscope.store.position import Position
from selfscope.store.reader import Run


@dataclass(frozen=True)
class Replayed:
    """One stored record: `load` reads it (a `RunError` when its files are gone), `ends` is the position after it."""

    load: Callable[[], Record]
    ends: Position


def replay(run: Run, start: Position, end: Position | None = None) -> Iterator[Replayed]:
    """Everything that was logged between two positions, in the order of logging; without `end`, all there is.

    Scalars and the rest lie in two files, merged by their wall times; within each file the order is exact. Lines that
    hold no record (torn by a crash, or no step) are passed over.
    """
    scalars = _lines(run.data / run.layout.scalars, start.scalars, end.scalars if end else None)
    media = _lines(run.data / "media.jsonl", start.media, end.media if end else None)
    at = start
    number, other = next(scalars, None), next(media, None)
    while number is not None or other is not None:
        if other is None or (number is not None and not time_of(number[0]) > time_of(other[0])):
            assert number is not None
            at = at._replace(scalars=number[1])
            yield Replayed(_Loader(run.path, number[0], is_scalars=True), at)
            number = next(scalars, None)
        else:
            at = at._replace(media=other[1])
            yield Replayed(_Loader(run.path, other[0], is_scalars=False), at)
            other = next(media, None)


def end_of(run: Run) -> Position:
    """The position after the last complete line of a run that nobody writes."""
    return Position(_size(run.data / run.layout.scalars), _size(run.data / "media.jsonl"))


@dataclass(frozen=True)
class _Loader:
    run: Path
    line: dict[str, Any]
    is_scalars: bool

    def __call__(self) -> Record:
        if not self.is_scalars:
            return entry_of(self.line, self.run).load()
        numbers = {tag: number_of(value) for tag, value in self.line.items() if tag not in RESERVED_TAGS}
        values = {tag: value for tag, value in numbers.items() if isinstance(value, (int, float))}
        return Scalars(values, int(self.line.get("step", 0)), wall_time=time_of(self.line))


def _lines(path: Path, start: int, end: int | None) -> Iterator[tuple[dict[str, Any], int]]:
    """Objects of the complete lines between two offsets, each with the offset after it."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(start)
        at = start
        while end is None or at < end:
            line = file.readline()
            if not line.endswith(b"\n"):
                return
            at += len(line)
            value = _parse(line)
            if value is not None:
                yield value, at


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) and is_placed(value) else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
