"""Up to where in a run something was read or sent, and the files that remember it for each backend."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from selfscope.store.claim import read_json, write_json
from selfscope.store.filenames import flat_name


class Position(NamedTuple):
    """Byte offsets in `scalars.json` and `media.jsonl`: what lies before them was sent."""

    scalars: int = 0
    media: int = 0


def read_cursor(run: Path, backend: str) -> Position:
    """Up to where a backend has the run; the beginning when it never had anything of it."""
    saved = read_json(_cursor_path(run, backend))
    return Position(*(_offset(saved.get(name)) for name in Position._fields))


def write_cursor(run: Path, backend: str, position: Position) -> None:
    path = _cursor_path(run, backend)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, position._asdict())


def _offset(value: Any) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**63 else 0


def _cursor_path(run: Path, backend: str) -> Path:
    return run / "cursors" / f"{flat_name(backend)}.json"
