"""Backends that behave as trackers may: good, slow, failing, hanging."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from selfscope.records import Record
from selfscope.visualization.backends.contract import BaseVisBackend


class Remembering(BaseVisBackend):
    """Keeps every record in a list; `before` runs first, and may wait or raise."""

    def __init__(self, before: Callable[[Record], None] = lambda record: None) -> None:
        super().__init__(None)
        self.records: list[Any] = []
        self.threads: set[str] = set()
        self.before = before
        self.closed = self.set_up = 0

    @property
    def experiment(self) -> Remembering:
        return self

    def _init_env(self) -> None:
        self.set_up += 1

    def write(self, record: Record) -> None:
        self.before(record)
        self.threads.add(threading.current_thread().name)
        self.records.append(record)

    def close(self) -> None:
        self.closed += 1

    @property
    def steps(self) -> list[int]:
        return [record.step for record in self.records]


class Direct(Remembering):
    """Asks for the caller's own thread."""

    thread = "caller"
