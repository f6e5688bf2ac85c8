"""Where results are kept between runs, under a name made of everything that they depend on."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from selfscope.errors import DataError, RunError

BLOCK = 1 << 20
KEY_DIGITS = 24


def cache_folder() -> Path:
    """`$SELFSCOPE_CACHE`, else `~/.cache/selfscope`."""
    return Path(os.environ.get("SELFSCOPE_CACHE") or "~/.cache/selfscope").expanduser()


def features_folder(identity: Mapping[str, Any]) -> Path:
    """Where features of this identity are kept; the same values always give the same folder."""
    return cache_folder() / "features" / digest_of(identity)[:KEY_DIGITS]


def digest_of(value: Any) -> str:
    """Hex digits of a plain value: equal for equal values, whatever the order of their names."""
    written = json.dumps(value, sort_keys=True, ensure_ascii=False, default=repr)
    return hashlib.blake2b(written.encode(errors="surrogateescape")).hexdigest()


def digest_of_file(path: str | Path) -> str:
    """Hex digits of what a file holds; a second for each gigabyte."""
    digest = hashlib.blake2b()
    try:
        with open(path, "rb") as file:
            while block := file.read(BLOCK):
                digest.update(block)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


@dataclass(frozen=True)
class Kept:
    """One set of features in the cache."""

    folder: Path
    size: int
    """Bytes."""
    used: float
    """Seconds since the epoch at which it was last written to."""


def kept_features() -> Iterator[Kept]:
    """Every set of features in the cache, finished or begun."""
    try:
        folders = sorted(path for path in (cache_folder() / "features").iterdir() if path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for folder in folders:
        found = [state for path in folder.rglob("*") if (state := _state_of(path)) is not None]
        yield Kept(folder, sum(s.st_size for s in found), max((s.st_mtime for s in found), default=0.0))


def _state_of(path: Path) -> os.stat_result | None:
    """None for a folder, and for a file that whoever writes here has just renamed or removed."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def remove(folder: Path) -> None:
    """Deletes a folder of the cache; runs that link to its features keep them."""
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as error:
        raise RunError(f"{folder}: cannot be removed: {error.strerror or error}") from error


def size_in_words(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} GB" if size < 1000 else f"{size / 1000:.3g} TB"
