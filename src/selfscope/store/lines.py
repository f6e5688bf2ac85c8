"""Files of JSON lines: appended to, flushed in whole lines, read back with a torn last line set aside."""

from __future__ import annotations

import gc
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import orjson

from selfscope.errors import RunError

MAX_WAITING = 64 * 2**20
"""Bytes of lines that may wait in memory while the disk refuses them."""

_NOT_A_NUMBER = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


class LineFile:
    """One append-only file of JSON lines; safe to use from several threads of the process that opened it.

    Lines wait in memory until `flush`. What the disk refuses keeps waiting, and is written by a later `flush`.
    A file that ends in the middle of a line, since its writer was killed, is first given the missing line break.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._waiting = bytearray()
        self._closed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0), 0o644)
            self._end = os.fstat(self._descriptor).st_size
            if self._end and not _ends_a_line(path):
                self._waiting += b"\n"
                self._end += 1
        except OSError as error:
            raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error

    @property
    def end(self) -> int:
        """Offset of the next line in the file, waiting lines included; the same while another thread flushes."""
        return self._end

    def append(self, line: bytes) -> int:
        """Takes one line (without its break) and returns the offset at which it begins."""
        with self._lock:
            if len(self._waiting) > MAX_WAITING:
                raise RunError(f"{self.path}: {len(self._waiting) >> 20} MB wait for a disk that refuses them")
            start = self._end
            self._waiting += line
            self._waiting += b"\n"
            self._end = start + len(line) + 1
            return start

    def flush(self) -> None:
        """Hands the waiting lines to the operating system, from where they survive the end of this process."""
        with self._lock:
            if self._closed:
                return
            try:
                while self._waiting:
                    del self._waiting[: os.write(self._descriptor, self._waiting)]
            except OSError as error:
                raise RunError(f"{self.path}: cannot be written: {error.strerror or error}") from error

    def close(self) -> None:
        """Flushes, waits until the disk has it, and closes; what could not be written is lost with the error."""
        try:
            self.flush()
        finally:
            with self._lock:
                if not self._closed:
                    self._closed = True
                    try:
                        os.fsync(self._descriptor)
                    finally:
                        os.close(self._descriptor)


def _ends_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def read_lines(path: Path, start: int = 0) -> tuple[list[bytes], bool]:
    """The complete lines from byte `start` on, and whether an incomplete one follows; no file: no lines."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            data = file.read()
    except FileNotFoundError:
        return [], False
    lines = data.split(b"\n")
    return lines[:-1], lines[-1] != b""


def parse_lines(lines: Sequence[bytes]) -> tuple[list[dict[str, Any]], int]:
    """The objects of the lines, and how many lines held none (torn by a crash, or written by someone else)."""
    found: list[dict[str, Any]] = []
    broken = 0
    for start in range(0, len(lines), 4096):
        chunk = lines[start : start + 4096]
        read = _parse_together(chunk)
        if len(read) != len(chunk):
            read = [value for value in map(_parse_line, chunk) if value is not None]
            broken += len(chunk) - len(read)
        found += read
    objects = [value for value in found if isinstance(value, dict)]
    return objects, broken + len(found) - len(objects)


@contextmanager
def paused_collector() -> Iterator[None]:
    """Holds Python's garbage collector still: it would walk through a million fresh dicts again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _parse_together(lines: Sequence[bytes]) -> list[Any]:
    """The values of many lines by one call, in a third of the time; none where a line is not one value."""
    try:
        return orjson.loads(b"[" + b",".join(lines) + b"]")
    except orjson.JSONDecodeError:
        return []


def _parse_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return None


def scalar_line(values: Mapping[str, float], step: int, wall_time: float) -> bytes:
    """`{"step": …, "_t": …, <tag>: value…}`; what is not a number is written as its name."""
    line: dict[str, Any] = {"step": step, "_t": wall_time}
    line.update(values)
    for tag, value in values.items():
        if not math.isfinite(value):
            line[tag] = name_of(value)
    try:
        return orjson.dumps(line)
    except (TypeError, orjson.JSONEncodeError):  # integers past 64 bits, tags that are no Unicode
        return json_line(line)


def json_line(values: Mapping[str, Any]) -> bytes:
    """One line of JSON; numpy values, paths, tuples, mappings and not-a-numbers become plain, the rest text."""
    return orjson.dumps(plain(values))


def name_of(value: float) -> str:
    """`NaN`, `Infinity` or `-Infinity`: JSON has no numbers for these."""
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def number_of(value: Any) -> Any:
    """A number for `NaN`, `Infinity` and `-Infinity`; everything else as it is."""
    return _NOT_A_NUMBER.get(value, value) if isinstance(value, str) else value


def is_placed(line: Mapping[str, Any]) -> bool:
    """Whether step and time of a line are numbers, or left out: anyone may have written it."""
    step, time = line.get("step", 0), number_of(line.get("_t"))
    return (
        isinstance(step, (int, float)) and -(2**63) <= step < 2**63 and (time is None or isinstance(time, (int, float)))
    )


def time_of(line: Mapping[str, Any]) -> float:
    """Seconds since the epoch of a line that `is_placed`; NaN where it has none."""
    time = number_of(line.get("_t"))
    return math.nan if time is None else float(time)


def _large(value: int) -> float | str:
    """An integer that JSON's readers do not hold, as a float; past a float's range, as its digits in base 16."""
    try:
        return float(value)
    except OverflowError:
        return hex(value)


def plain(value: Any) -> Any:
    """The JSON form of any value: what JSON does not know becomes its nearest form, in the end its `str`."""
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value) if -(2**63) <= int(value) < 2**64 else _large(int(value))
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else name_of(float(value))
    if isinstance(value, np.bool_):
        return bool(value)
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset, range)):
        return [plain(item) for item in value]
    return plain(str(value))
