"""The one thing that writes a run folder: append-only, flushed twice a second, safe against `kill -9`."""

from __future__ import annotations

import atexit
import importlib.metadata
import logging
import os
import platform
import socket
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Any

from selfscope.errors import RecordError, RunError, nearest
from selfscope.records import Config, Record, Scalars
from selfscope.store import media
from selfscope.store.claim import Claim, read_json, write_json
from selfscope.store.embeddings import store_embedding
from selfscope.store.filenames import safe_name
from selfscope.store.files import Layout, RunFiles
from selfscope.store.lines import scalar_line
from selfscope.store.position import Position
from selfscope.store.reconstructions import store_reconstruction
from selfscope.store.samples import store_sample
from selfscope.store.statistics import store_statistics

log = logging.getLogger(__name__)

HEARTBEAT_EVERY = 5.0
FLUSH_EVERY = 0.5
STATUSES = ("finished", "failed", "interrupted")
PACKAGES = ("selfscope", "numpy", "pillow", "timm", "torch", "torchvision")


def _store_scalars(run: RunFiles, record: Scalars) -> None:
    wall_time = time.time() if record.wall_time is None else record.wall_time
    line = scalar_line(record.values, record.step, wall_time)
    if record.file_path is not None:
        path = run.data / safe_name(record.file_path)
        if path.suffix != ".json" or path in (run.scalars.path, run.root / "run.json"):
            raise RecordError(f"file_path: expected a .json name other than {run.layout.scalars}, got {path.name!r}")
        run.lines(path).append(line)
    run.scalars.append(line)


STORES: dict[str, Callable[[RunFiles, Any], None]] = {
    "scalars": _store_scalars,
    "picture": media.store_picture,
    "figure": media.store_figure,
    "histogram": media.store_histogram,
    "table": media.store_table,
    "text": media.store_text,
    "config": media.store_config,
    "graph": media.store_graph,
    "embedding": store_embedding,
    "reconstruction": store_reconstruction,
    "sample": store_sample,
    "statistics": store_statistics,
}
"""How each kind of record is stored."""


class Writer:
    """Writes one run folder; a context manager that ends as `failed` or `interrupted` when its block raises.

    An existing run is continued. A run that another live process writes, or a folder that cannot be written, is
    refused. Lines reach the disk within half a second; pictures and tables are whole or absent. One process writes:
    in a forked child `write` raises. Without `close`, the run is closed when the interpreter ends.
    """

    def __init__(
        self,
        run_dir: str | Path,
        *,
        name: str | None = None,
        config: Config | None = None,
        seed: int | None = None,
        layout: Layout | None = None,
    ) -> None:
        self.path = Path(run_dir)
        self._process = os.getpid()
        self._writing, self._stop = Lock(), Event()
        self._closed = False
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{self.path}: cannot be made: {error.strerror or error}") from error
        self._claim = Claim(self.path)
        try:
            self._info = _begin(self.path, name, seed, layout or Layout())
            self.files = RunFiles(self.path, layout or Layout())
            self.files.data.mkdir(parents=True, exist_ok=True)
            if config is not None:
                self.write(config)
            self._beat()
        except BaseException as error:
            self._claim.release()
            if isinstance(error, OSError):
                raise RunError(f"{self.path}: cannot be written: {error}") from error
            raise
        self._keeper = Thread(target=self._keep, name=f"selfscope writer {self.path.name}", daemon=True)
        self._keeper.start()
        atexit.register(self._close_at_exit)

    def write(self, record: Record) -> None:
        """Stores one record: lines wait up to half a second in memory, pictures and tables are files on return."""
        if os.getpid() != self._process:
            raise RunError(f"{self.path}: a forked process cannot write the run of its parent: write from the parent")
        if record.kind not in STORES:
            hint = nearest(record.kind, STORES)
            raise RecordError(f"a run folder has no place for records of kind {record.kind!r}.{hint}")
        with self._writing:
            if self._closed:
                raise RunError(f"{self.path}: this writer is closed: open the run again to continue it")
            STORES[record.kind](self.files, record)
            if isinstance(record, Config):
                self._info["config_hash"] = sha256(record.source.encode()).hexdigest()

    def note_seed(self, seed: int) -> None:
        """For `run.json`, where it was not known when the run began."""
        with self._writing:
            self._info["seed"] = int(seed)

    def position(self) -> Position:
        """Where in the files the next record will begin."""
        return Position(self.files.scalars.end, self.files.media.end)

    def flush(self) -> None:
        """Hands all lines to the operating system, and brings `metrics.parquet` and `samples.parquet` up to date."""
        with self._writing:
            self.files.compile()

    def close(self, status: str = "finished") -> None:
        """Flushes and ends the run as `finished`, `failed` or `interrupted`; a second call does nothing."""
        check_status(status)
        if self._closed or os.getpid() != self._process:
            return
        self._closed = True
        self._stop.set()
        self._keeper.join(HEARTBEAT_EVERY)
        atexit.unregister(self._close_at_exit)
        try:
            with self._writing:
                try:
                    self.files.compile()
                finally:
                    self.files.close()
                self._info |= {"status": status, "ended": _now()}
                self._beat()
        finally:
            self._claim.release()

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(status_after(error))

    def _beat(self) -> None:
        self._info["heartbeat"] = time.time()
        write_json(self.path / "run.json", self._info)

    def _keep(self) -> None:
        """Flushes and beats until the writer closes; a disk that refuses is reported once and tried again."""
        beat_at = time.monotonic() + HEARTBEAT_EVERY
        refused: RunError | None = None
        while not self._closed and not self._stop.wait(FLUSH_EVERY):
            beat = time.monotonic() >= beat_at
            error = self._keep_once(beat)
            if error and not refused:
                log.warning("%s; lines wait in memory until it can be", error)
            refused = error
            if beat:
                beat_at = time.monotonic() + HEARTBEAT_EVERY

    def _keep_once(self, beat: bool) -> RunError | None:
        try:
            self.files.flush()
            if beat and self._claim.held():
                self._beat()
            elif beat:
                self._closed = True
                self._claim.release()
                log.error("%s: another process took this run over: nothing more is written here", self.path)
        except RunError as error:
            return error
        return None

    def _close_at_exit(self) -> None:
        self.close(status_after(getattr(sys, "last_value", None)))


def check_status(status: str) -> None:
    if status not in STATUSES:
        raise RunError(f"status: expected one of {', '.join(STATUSES)}, got {status!r}.{nearest(status, STATUSES)}")


def status_after(error: BaseException | None) -> str:
    """How a run ended whose block, or program, ended with this error."""
    if error is None or (isinstance(error, SystemExit) and not error.code):
        return "finished"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"


def _begin(path: Path, name: str | None, seed: int | None, layout: Layout) -> dict[str, Any]:
    """What `run.json` says when a session begins: a run that exists keeps its name and start."""
    before = read_json(path / "run.json")
    info: dict[str, Any] = {
        "format": 1,
        "name": name or before.get("name") or path.resolve().name,
        "started": before.get("started") or _now(),
        "status": "running",
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "versions": _versions(),
        "seed": before.get("seed") if seed is None else seed,
        "config_hash": before.get("config_hash"),
    }
    if before:
        info["resumed"] = [*before.get("resumed", []), _now("microseconds")]  # readers part sessions by it
    layout_note: Mapping[str, str] = layout.noted()
    return info | ({"layout": dict(layout_note)} if layout_note else {})


def _versions() -> dict[str, str]:
    """Versions from the installed packages' metadata: nothing is imported to learn them."""
    installed = {package: _version(package) for package in PACKAGES}
    return {"python": platform.python_version(), **{name: v for name, v in installed.items() if v is not None}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _now(timespec: str = "seconds") -> str:
    return datetime.now(timezone.utc).isoformat(timespec=timespec)
