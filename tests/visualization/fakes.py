"""Backends that behave as trackers may: good, slow, failing, hanging."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from selfscope.records import Record
from selfscope.visualization.backends.contract import BaseVisBackend
from selfscope.visualization.visualizer import Visualizer

LOCAL = {"type": "LocalVisBackend"}


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


def build(*backends, save_dir=None) -> Visualizer:
    """A visualizer over the local run, where `save_dir` is given, and backends `a`, `b`, …"""
    named = [{"type": lambda made=backend: made, "name": "abcdef"[i]} for i, backend in enumerate(backends)]
    return Visualizer(vis_backends=[LOCAL, *named] if save_dir else named, save_dir=save_dir)


def fail(record: Record) -> None:
    raise ConnectionError("the tracker is down")
