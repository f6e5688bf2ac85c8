"""The files of one run while it is written: where things go, which lines wait, what the index says."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any

from selfscope.errors import RunError
from selfscope.records import Record
from selfscope.store.filenames import FreePaths, leads_outside, safe_name
from selfscope.store.lines import LineFile, json_line
from selfscope.store.whole import whole


@dataclass(frozen=True)
class Layout:
    """Names inside the run folder; others than these are noted in `run.json`."""

    data: str = "vis_data"
    """Folder of scalars, config and media, below the run; `.`: the run folder itself."""
    pictures: str = "vis_image"
    config: str = "config.py"
    scalars: str = "scalars.json"

    def __post_init__(self) -> None:
        for name in (self.data, self.pictures, self.config, self.scalars):
            if not isinstance(name, str) or leads_outside(name):
                raise RunError(f"{name!r:.200}: expected a relative path below the run folder, without '..'")
        for suffix, name in ((".py", self.config), (".json", self.scalars)):
            if not name.endswith(suffix):
                raise RunError(f"{name!r}: expected a file name that ends in {suffix}")

    @classmethod
    def of_note(cls, noted: Any) -> Layout:
        """The layout that `run.json` notes, which anyone may have written."""
        known = [field.name for field in fields(cls)]
        if not isinstance(noted, Mapping) or not set(noted) <= set(known):
            raise RunError(f"expected a layout with names for {', '.join(known)}, got {noted!r:.200}")
        return cls(**noted)

    def noted(self) -> dict[str, str]:
        """What `run.json` must say: nothing for the usual names."""
        return {} if self == Layout() else asdict(self)


class RunFiles:
    """Paths, line files and the index (`media.jsonl`) of one run; `store_…` functions write through this."""

    def __init__(self, root: Path, layout: Layout) -> None:
        self.root, self.layout = root, layout
        self.data = root / layout.data
        self.free = FreePaths()
        self._lines: dict[Path, LineFile] = {}
        self._opening = Lock()
        self._compilers: dict[Path, tuple[LineFile, Callable[[Path], None]]] = {}
        self._compiled: dict[Path, int] = {}
        """Offset in a folder's lines up to which its tables are made."""

    @cached_property
    def scalars(self) -> LineFile:
        return self.lines(self.data / self.layout.scalars)

    @cached_property
    def media(self) -> LineFile:
        return self.lines(self.data / "media.jsonl")

    def lines(self, path: Path) -> LineFile:
        """The line file at a path, opened once."""
        if path not in self._lines:
            with self._opening:
                self._lines.setdefault(path, LineFile(path))
        return self._lines[path]

    def save(self, stem: Path, files: dict[str, bytes]) -> Path:
        """Writes one file a suffix at the first free name like `stem`, whole or not at all; returns the first."""
        free = self.free.take(stem, *files)
        written = [write_bytes(free.with_name(free.name + suffix), data) for suffix, data in files.items()]
        return written[0]

    def picture_stem(self, key: str, step: int) -> Path:
        return self.data / self.layout.pictures / f"{safe_name(key)}_{step}"

    def folder(self, kind: str, name: str, step: int = 0) -> Path:
        """A new folder `<kind>/<name>[_<step>]` that no earlier record has; its parent exists."""
        stem = f"{safe_name(name)}_{step}" if step else safe_name(name)
        return self.free.take(self.root / kind / stem)

    def index(self, record: Record, path: Path, **details: Any) -> None:
        """One line of `media.jsonl`; `path` is kept relative to the run."""
        line = {
            "kind": record.kind,
            "key": getattr(record, "key", record.kind),
            "step": getattr(record, "step", 0),
            "_t": record.wall_time if record.wall_time is not None else time.time(),
            "path": path.relative_to(self.root).as_posix(),
            **details,
        }
        caption = getattr(record, "caption", "")
        self.media.append(json_line({**line, "caption": caption} if caption else line))

    def rows(self, folder: Path, name: str, compile_rows: Callable[[Path], None]) -> LineFile:
        """The lines `<folder>/<name>.jsonl`, from which `compile_rows(folder)` makes a table when the run closes."""
        lines = self.lines(folder / f"{name}.jsonl")
        self._compilers[folder] = lines, compile_rows
        return lines

    def compile(self) -> None:
        """Brings the tables that are made from growing lines up to date."""
        self.flush()
        for folder, (lines, compile_rows) in self._compilers.items():
            if self._compiled.get(folder) != lines.end:
                compile_rows(folder)
                self._compiled[folder] = lines.end

    def flush(self) -> None:
        for file in list(self._lines.values()):
            file.flush()

    def close(self) -> None:
        """Closes every file, also when one of them fails, which is then raised."""
        with ExitStack() as closing:
            for file in self._lines.values():
                closing.callback(file.close)
        self._lines.clear()


def write_bytes(path: Path, data: bytes) -> Path:
    """The path, at which a reader never sees half a picture."""
    with whole(path) as temporary:
        temporary.write_bytes(data)
    return path
