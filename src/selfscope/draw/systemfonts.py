"""Fonts of this machine, and which characters each has: found by looking into the folders where systems keep them.

Nothing is configured and nothing is drawn here. Files are read as the OpenType specification lays them out.
"""

from __future__ import annotations

import glob
import importlib.util
import os
import re
import struct
import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import BinaryIO

PREFERRED = (
    "dejavusans",
    "notosans-regular",
    "liberationsans-regular",
    "arial",
    "notosanscjk-regular",
    "wqy-microhei",
    "arial unicode",
    "pingfang",
    "msyh",
    "simsun",
)
"""Files that go before all others, without suffix, in lower case."""
SUFFIXES = (".ttf", ".otf", ".ttc", ".otc")
WORSE = (
    ("unifont", 8),
    *((word, 6) for word in ("italic", "oblique", "emoji")),
    *((word, 4) for word in ("bold", "black", "heavy", "thin", "mono", "math")),
    *((word, 2) for word in ("light", "medium", "condensed", "narrow", "serif", "kufi", "nastaliq")),
)
"""By how many places a word in its file's name puts a font behind an upright, regular, sans-serif one."""
NO_LETTERS = ("lastresort", "adobeblank")
"""Fonts that have a box, or nothing, for every character."""


@dataclass(frozen=True)
class Face:
    """One font in a file; files that end in `c` hold several."""

    file: str
    index: int = 0


@dataclass(frozen=True)
class Characters:
    """Segments of a `cmap`, in order: characters from `starts[i]` to `ends[i]`, and how their glyphs are found."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]
    glyphs: tuple[int, ...]
    """What is added to a character's place in its segment (format 12), or to the character (format 4)."""
    lists: tuple[int, ...] = ()
    """Of format 4: where the segment's glyphs stand in `table`, 0 where they are not listed."""
    table: bytes = b""

    def __contains__(self, code: object) -> bool:
        assert isinstance(code, int)
        i = bisect_right(self.starts, code) - 1
        return i >= 0 and code <= self.ends[i] and self._glyph(code, i) != 0

    def _glyph(self, code: int, i: int) -> int:
        if not self.lists:
            return self.glyphs[i] + code - self.starts[i]
        if not self.lists[i]:
            return (code + self.glyphs[i]) & 0xFFFF
        place = self.lists[i] + 2 * (code - self.starts[i])
        return int.from_bytes(self.table[place : place + 2], "big")


NOTHING = Characters((), (), ())


@lru_cache(maxsize=1)
def faces() -> tuple[Face, ...]:
    """All that can be drawn with, the most fitting first; a file in two folders, or under two names, once."""
    found = [file for folder in _folders() for file in _files(folder)]
    files = {os.path.realpath(file): file for file in [*found, *_travelling()]}
    ranked = sorted(files.values(), key=lambda file: (_rank(file), os.path.basename(file), file))
    return tuple(Face(file) for file in ranked)


@cache
def characters(face: Face) -> Characters:
    """What the font has; nothing for a file that is damaged, or holds coloured pictures, or signs outside Unicode."""
    try:
        with open(face.file, "rb") as file:
            return _read(file, face.index)
    except (OSError, struct.error, LookupError, ValueError, StopIteration):
        return NOTHING


@cache
def faces_beside(face: Face) -> tuple[tuple[str, Face], ...]:
    """The names of all fonts in the face's file that open, such as `Noto Sans CJK SC`, with each of them."""
    with open(face.file, "rb") as file:
        head = file.read(12)
    count = struct.unpack(">I", head[8:12])[0] if head[:4] == b"ttcf" else 1
    each = [Face(face.file, index) for index in range(min(count, 64))]
    return tuple((name, one) for one in each if (name := family(one)) is not None)


@cache
def family(face: Face) -> str | None:
    """The font's name, such as `DejaVu Sans`; None for one that cannot be drawn with, though its characters read."""
    from PIL import ImageFont

    try:
        return ImageFont.truetype(face.file, 16, index=face.index).getname()[0] or ""
    except OSError:
        return None


def _rank(file: str) -> int:
    stem = os.path.splitext(os.path.basename(file))[0].lower()
    if stem in PREFERRED:
        return PREFERRED.index(stem)
    worse = sum(places for word, places in WORSE if word in stem)
    return len(PREFERRED) + 1 + worse - ("sans" in stem and "serif" not in stem)


def _files(folder: str) -> Iterator[str]:
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.lower().startswith(NO_LETTERS):
                yield os.path.join(root, name)


def _folders() -> Iterator[str]:
    home = os.path.expanduser("~")
    if sys.platform == "win32":
        yield os.path.join(os.environ.get("WINDIR", r"C:\Windows"), "Fonts")
        yield os.path.join(os.environ.get("LOCALAPPDATA", home), "Microsoft", "Windows", "Fonts")
    elif sys.platform == "darwin":
        yield from ("/System/Library/Fonts", "/Library/Fonts", os.path.join(home, "Library", "Fonts"))
        yield from sorted(glob.glob("/System/Library/AssetsV2/com_apple_MobileAsset_Font*"))
    else:
        yield from _fontconfig_folders(home)
    yield from (os.path.join(sys.prefix, "fonts"), os.path.join(sys.prefix, "share", "fonts"))  # conda's


def _travelling() -> Iterator[str]:
    """DejaVu Sans, as it comes with matplotlib, which is not imported."""
    matplotlib = importlib.util.find_spec("matplotlib")
    if matplotlib is not None and matplotlib.origin:
        file = os.path.join(os.path.dirname(matplotlib.origin), "mpl-data", "fonts", "ttf", "DejaVuSans.ttf")
        yield from [file] if os.path.isfile(file) else []


def _fontconfig_folders(home: str) -> Iterator[str]:
    """The usual ones, and those that the system's fontconfig names besides."""
    own = os.environ.get("XDG_DATA_HOME") or os.path.join(home, ".local", "share")
    shared = os.environ.get("XDG_DATA_DIRS") or "/usr/local/share:/usr/share"
    yield from (os.path.join(own, "fonts"), os.path.join(home, ".fonts"))
    yield from (os.path.join(folder, "fonts") for folder in [*shared.split(":"), "/usr/local/share", "/usr/share"])
    yield from ("/run/current-system/sw/share/X11/fonts", "/usr/share/X11/fonts")
    try:
        said = Path("/etc/fonts/fonts.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return
    yield from (os.path.expanduser(folder) for folder in re.findall(r"<dir>\s*([/~][^<]*?)\s*</dir>", said))


def _read(file: BinaryIO, index: int) -> Characters:
    start = 0
    if file.read(4) == b"ttcf":
        file.seek(12 + 4 * index)
        (start,) = struct.unpack(">I", file.read(4))
    file.seek(start + 4)
    (count,) = struct.unpack(">H6x", file.read(8))
    entries = [struct.unpack(">4s4xII", file.read(16)) for _ in range(count)]
    tables = {name: (offset, length) for name, offset, length in entries}
    if not tables.keys() & {b"glyf", b"CFF ", b"CFF2"}:
        return NOTHING
    offset, length = tables[b"cmap"]
    file.seek(offset)
    return _segments(file.read(length))


def _segments(cmap: bytes) -> Characters:
    """Of the widest Unicode subtable: format 12, for all characters, before format 4, for the first 65,536."""
    (count,) = struct.unpack_from(">H", cmap, 2)
    found = [struct.unpack_from(">HHI", cmap, 4 + 8 * i) for i in range(count)]
    unicode = [(0, encoding) for encoding in range(7)] + [(3, 1), (3, 10)]
    places = {offset for platform, encoding, offset in found if (platform, encoding) in unicode}
    by_format = {struct.unpack_from(">H", cmap, place)[0]: place for place in sorted(places, reverse=True)}
    if 12 in by_format:
        start = by_format[12]
        (groups,) = struct.unpack_from(">I", cmap, start + 12)
        triples = list(struct.iter_unpack(">III", cmap[start + 16 : start + 16 + 12 * groups]))
        starts, ends, glyphs = (tuple(triple[i] for triple in triples) for i in range(3))
        return Characters(starts, ends, glyphs)
    if 4 not in by_format:  # as in Wingdings, whose signs have numbers of their own
        return NOTHING
    start = by_format[4]
    segments = struct.unpack_from(">H", cmap, start + 6)[0] // 2
    ends, starts, deltas, ranges = (
        struct.unpack_from(f">{segments}H", cmap, start + 14 + 2 * segments * i + (2 if i else 0)) for i in range(4)
    )
    where = start + 16 + 6 * segments
    lists = tuple(where + 2 * i + listed if listed else 0 for i, listed in enumerate(ranges))
    return Characters(starts, ends, deltas, lists, cmap)
