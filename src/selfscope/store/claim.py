"""One writer at a time: `run.json` says who writes and when it was last seen, `run.lock` settles who it is."""

from __future__ import annotations

import json
import os
import secrets
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

from selfscope.errors import RunError
from selfscope.store.whole import whole

STALE_AFTER = 60.0
"""Seconds without a heartbeat after which a writer counts as gone."""

JUST_MADE = 1.0
"""Seconds that whoever made `run.lock` has to write into it."""

_held_here: set[Path] = set()
_taking = Lock()


class Claim:
    """The right to write one run, held until `release`; a run that another live process writes is refused.

    A writer is gone when its process no longer exists on this machine, or when its heartbeat is `STALE_AFTER` old.
    A heartbeat from the future (a clock set back) counts as fresh.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.token = secrets.token_hex(8)
        self._lock = run / "run.lock"
        self._key = run.resolve()
        with _taking:
            if self._key in _held_here:
                raise RunError(f"{run}: is being written by this process already: close the other writer first")
            self._take()
            _held_here.add(self._key)

    def held(self) -> bool:
        """Whether the run is still ours: a process that was suspended for long may have been replaced."""
        return read_json(self._lock).get("token") == self.token

    def release(self) -> None:
        _held_here.discard(self._key)
        if self.held():
            self._lock.unlink(missing_ok=True)

    def _take(self) -> None:
        mine = {"host": socket.gethostname(), "pid": os.getpid(), "token": self.token, "since": time.time()}
        try:
            with self._lock.open("xb") as file:
                file.write(_written(mine))
        except FileExistsError:
            self._refuse_if_alive()
            write_json(self._lock, mine)
            time.sleep(0.02)  # two takers of an abandoned run: the later one stands
            if not self.held():
                raise RunError(f"{self.run}: another process took this run at the same moment") from None
        except OSError as error:
            raise RunError(f"{self.run}: cannot be written: {error.strerror or error}") from error

    def _refuse_if_alive(self) -> None:
        while _is_empty_yet(self._lock):
            time.sleep(0.01)
        if is_alive(self.run):
            owner = read_json(self._lock)
            raise RunError(
                f"{self.run}: is being written by process {owner.get('pid')} on {owner.get('host')}: "
                "wait for it to end, or write to another folder"
            )


def is_alive(run: Path) -> bool:
    """Whether the writer that `run.lock` names still writes."""
    owner = read_json(run / "run.lock")
    if not owner:
        return False
    seen = max(_number(owner, "since"), _number(read_json(run / "run.json"), "heartbeat"))
    if time.time() - seen > STALE_AFTER:
        return False
    if owner.get("host") != socket.gethostname():
        return True
    pid = int(_number(owner, "pid"))
    if pid == os.getpid():  # not held by us: an earlier process had the same number
        return run.resolve() in _held_here
    return _process_exists(pid)


def _is_empty_yet(lock: Path) -> bool:
    try:
        found = lock.stat()
    except OSError:
        return False
    return found.st_size == 0 and abs(time.time() - found.st_mtime) < JUST_MADE


def _process_exists(pid: int) -> bool:
    if os.name == "nt":  # signal 0 would end the process there: the heartbeat alone decides
        return True
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def read_json(path: Path) -> dict[str, Any]:
    """The object in a small file that is replaced, never rewritten in place; missing or unreadable: empty."""
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _number(values: Mapping[str, Any], name: str) -> float:
    """A finite number of a file that anyone may have written; 0 where there is none."""
    value = values.get(name)
    return value if isinstance(value, (int, float)) and abs(value) < 1e300 else 0


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A reader sees the old file or the new one, never half."""
    with whole(path) as temporary:
        temporary.write_bytes(_written(value))


def _written(value: Mapping[str, Any]) -> bytes:
    """Legible UTF-8; names of files that are no Unicode stand as escapes, which read back as they were."""
    try:
        return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()
    except UnicodeEncodeError:
        return (json.dumps(value, indent=1) + "\n").encode()
