"""Names that people choose become paths inside the run: any text goes in, no path leaves the folder."""

from __future__ import annotations

import re
from hashlib import blake2b
from pathlib import Path, PureWindowsPath
from typing import Any

from selfscope.errors import RunError

MAX_PART_BYTES = 120
"""Longest part of a path, in UTF-8 bytes: 255 is the usual limit, less what step, counter and suffix need."""

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\ud800-\udfff]')
_UNUSABLE = re.compile(r"[\x00\ud800-\udfff]")
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A relative path with `/` kept, that every file system takes; `val/recon` stays `val/recon`.

    Parts that are empty or `.` go; `..`, forbidden characters, Windows' reserved names and parts over
    `MAX_PART_BYTES` are replaced. What was replaced gets `~` and six hex digits of the given part, so two names never
    become one.
    """
    parts = [_safe_part(part) for part in str(name).replace("\\", "/").split("/") if part not in ("", ".")]
    return "/".join(parts) or "_"


def flat_name(name: str) -> str:
    """`safe_name` as one part of a path: `_` for each `/`, and then six hex digits, so that `a/b` is not `a_b`."""
    safe = safe_name(name)
    return _marked(safe.replace("/", "_"), str(name)) if "/" in safe else safe


def _safe_part(part: str) -> str:
    safe = "__" if part == ".." else _FORBIDDEN.sub("_", part).rstrip(". ")
    if _RESERVED.fullmatch(safe):
        safe = f"_{safe}"
    return safe if safe == part and len(safe.encode()) <= MAX_PART_BYTES else _marked(safe, part)


def _marked(safe: str, given: str) -> str:
    short = safe.encode()[: MAX_PART_BYTES - 7].decode(errors="ignore")
    return f"{short}~{blake2b(given.encode(errors='surrogatepass'), digest_size=3).hexdigest()}"


def leads_outside(name: str) -> bool:
    """Whether a name joined to a folder may stand outside of it, on any system; links are followed by nobody here."""
    parts = name.replace("\\", "/").split("/")
    absolute = len(parts) > 1 and not parts[0]
    return absolute or ".." in parts or bool(PureWindowsPath(name).drive) or bool(_UNUSABLE.search(name))


def inside(run: Path, name: Any) -> Path:
    """The path that a file of the run names; a name that is no text, absolute, or climbs by `..` is refused."""
    if not isinstance(name, str) or leads_outside(name):
        raise RunError(f"{run}: expected a path inside the run, got {name!r:.200}")
    return run / name


class FreePaths:
    """Finds paths that nothing stands at: the same stem again gives `<stem>-1`, `<stem>-2`, …

    Remembers how far each stem has counted, so the thousandth picture of one name costs what the first did.
    """

    def __init__(self) -> None:
        self._next: dict[Path, int] = {}

    def take(self, stem: Path, *suffixes: str) -> Path:
        """The first free stem, for which no file with any of the suffixes exists; its folder is made."""
        stem.parent.mkdir(parents=True, exist_ok=True)
        count = self._next.get(stem, 0)
        while True:
            candidate = stem if count == 0 else stem.with_name(f"{stem.name}-{count}")
            count += 1
            if not any(candidate.with_name(candidate.name + suffix).exists() for suffix in suffixes or ("",)):
                self._next[stem] = count
                return candidate
