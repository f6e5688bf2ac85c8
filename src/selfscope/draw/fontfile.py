"""What a PDF must know of the letters' TrueType file: which glyph a character is, and how wide glyphs are."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

from selfscope.draw.glyphs import font_file


@dataclass(frozen=True)
class Letters:
    """Measures are in thousandths of the type size."""

    glyphs: dict[str, int]
    """Characters and the numbers of their glyphs."""
    widths: tuple[int, ...]
    """Of every glyph, by number."""
    ascent: int
    descent: int
    box: tuple[int, int, int, int]


@lru_cache(maxsize=1)
def letters() -> Letters:
    """Of Aileron, the font that texts are drawn in."""
    data = font_file()
    tables = _tables(data)
    unit = struct.unpack_from(">H", data, tables["head"] + 18)[0]

    def thousandths(value: int) -> int:
        return round(value * 1000 / unit)

    x0, y0, x1, y1 = (thousandths(v) for v in struct.unpack_from(">4h", data, tables["head"] + 36))
    ascent, descent = (thousandths(v) for v in struct.unpack_from(">2h", data, tables["hhea"] + 4))
    measured = struct.unpack_from(">H", data, tables["hhea"] + 34)[0]
    count = struct.unpack_from(">H", data, tables["maxp"] + 4)[0]
    widths = [thousandths(struct.unpack_from(">H", data, tables["hmtx"] + 4 * i)[0]) for i in range(measured)]
    widths += widths[-1:] * (count - measured)
    return Letters(_characters(data, tables["cmap"]), tuple(widths), ascent, descent, (x0, y0, x1, y1))


def _tables(data: bytes) -> dict[str, int]:
    count = struct.unpack_from(">H", data, 4)[0]
    entries = (struct.unpack_from(">4sIII", data, 12 + 16 * i) for i in range(count))
    return {name.decode("latin-1"): offset for name, _, offset, _ in entries}


def _characters(data: bytes, cmap: int) -> dict[str, int]:
    """The Unicode table of format 4 (segments of characters), as the TrueType specification lays it out."""
    count = struct.unpack_from(">H", data, cmap + 2)[0]
    subtables = {struct.unpack_from(">HHI", data, cmap + 4 + 8 * i) for i in range(count)}
    start = next(
        cmap + offset
        for platform, encoding, offset in sorted(subtables, reverse=True)
        if (platform, encoding) in ((3, 1), (0, 3)) and struct.unpack_from(">H", data, cmap + offset)[0] == 4
    )
    segments = struct.unpack_from(">H", data, start + 6)[0] // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{segments}H", data, start + 14 + 2 * segments * i + (2 if i else 0)) for i in range(4)
    )
    found: dict[str, int] = {}
    for i in range(segments):
        for code in range(starts[i], min(ends[i], 0xFFFE) + 1):
            glyph = code
            if offsets[i]:
                place = start + 16 + 6 * segments + 2 * i + offsets[i] + 2 * (code - starts[i])
                glyph = struct.unpack_from(">H", data, place)[0]
            if glyph or not offsets[i]:
                found[chr(code)] = (glyph + deltas[i]) & 0xFFFF
    return {character: glyph for character, glyph in found.items() if glyph}
