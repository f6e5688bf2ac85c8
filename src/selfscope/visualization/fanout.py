"""From one stream of records to many backends, none of which can harm the others or the caller."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping

from selfscope.errors import RunError, SelfscopeError
from selfscope.records import Record
from selfscope.visualization.backends.contract import BaseVisBackend, UnsupportedRecordError

log = logging.getLogger(__name__)


class FanOut:
    """Hands every record to every backend in turn."""

    def __init__(self, backends: Mapping[str, BaseVisBackend]) -> None:
        self._backends = dict(backends)
        self._process = os.getpid()
        self._closed = False
        self._lost: dict[str, int] = {}
        for backend in self._backends.values():
            if not getattr(backend, "_env_initialized", False):
                backend._init_env()
                backend._env_initialized = True

    def put(self, record: Record) -> None:
        if os.getpid() != self._process:
            raise RunError("a forked process cannot write through the visualizer of its parent: write from the parent")
        if self._closed:
            raise RunError("this visualizer is closed")
        for name, backend in self._backends.items():
            self._hand(name, backend, record)

    def _hand(self, name: str, backend: BaseVisBackend, record: Record) -> None:
        try:
            backend.write(record)
        except UnsupportedRecordError as error:
            self._lose(name, error)
        except SelfscopeError:
            raise
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything; the run goes on
            self._lose(name, error)

    def _lose(self, name: str, error: Exception) -> None:
        if name not in self._lost:
            log.warning("%s: %s: %s; further failures of it are counted", name, type(error).__name__, error)
        self._lost[name] = self._lost.get(name, 0) + 1

    def _end(self, name: str, backend: BaseVisBackend) -> None:
        try:
            backend.close()
        except Exception as error:  # noqa: BLE001 - as above
            self._lose(name, error)

    def flush(self, timeout: float) -> bool:
        for backend in self._backends.values():
            backend.flush()
        return True

    def close(self, timeout: float, status: str) -> None:
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        for name, backend in self._backends.items():
            self._end(name, backend)
        for name, count in self._lost.items():
            log.warning("%s: %d records were not kept", name, count)
