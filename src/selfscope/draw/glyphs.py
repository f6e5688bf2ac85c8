"""Letters: which font draws a text, how wide it is, and its coverage mask.

Pillow's bundled Aileron holds ASCII and a few signs, and looks the same on every machine. A text with other characters
is drawn in the system font that lacks the fewest of them. What that font lacks loses its accent (`é` → `e`), and else
appears as a `\\u4e2d` escape: never as an empty box.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

import numpy as np
from PIL import Image, ImageDraw, ImageFont

_SYSTEM_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "Arial.ttf",
    "arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "Arial Unicode.ttf",
    "PingFang.ttc",
    "msyh.ttc",
    "simsun.ttc",
)
_SIMPLER = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "→": "->", "←": "<-", "≥": ">=", "≤": "<=", "≈": "~", "×": "x", "ß": "ss"}
)


@lru_cache(maxsize=64)
def font(size: int, name: str | None = None) -> ImageFont.FreeTypeFont:
    """The font at `size` pixels: Aileron, or a system font by file name."""
    if name is None:
        found = ImageFont.load_default(size)
        assert isinstance(found, ImageFont.FreeTypeFont)
        return found
    return ImageFont.truetype(name, size, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=1)
def font_file() -> bytes:
    """Aileron as a TrueType file (CC0), as it travels with Pillow; for figures that carry their letters along."""
    data: bytes = font(16).font_bytes
    return data


@lru_cache(maxsize=1)
def system_fonts() -> tuple[str, ...]:
    """Those of the fonts looked for that this machine has."""
    found = []
    for name in _SYSTEM_FONTS:
        try:
            font(16, name)
        except OSError:  # not on this machine
            continue
        found.append(name)
    return tuple(found)


@lru_cache(maxsize=8192)
def has_glyph(character: str, name: str | None = None) -> bool:
    """Whether the font draws the character as something else than its sign for a missing glyph."""
    if character == " ":
        return True
    ours, missing = font(16, name).getmask(character), font(16, name).getmask("\U0010ffff")
    return ours.size != missing.size or bytes(ours) != bytes(missing)


@lru_cache(maxsize=8192)
def resolve(text: str) -> tuple[str, str | None]:
    """What is drawn for one line of text, and the font: the text itself wherever a font on this machine has it."""
    text = "".join(c if c.isprintable() else " " if c.isspace() else f"\\x{ord(c):02x}" for c in text)
    if all(map(has_glyph, text)):
        return text, None
    fonts = (None, *system_fonts())
    lacking = [sum(not has_glyph(c, name) for c in text) for name in fonts]
    name = fonts[lacking.index(min(lacking))]
    return "".join(c if has_glyph(c, name) else _simpler(c) for c in text), name


def _simpler(character: str) -> str:
    plain = unicodedata.normalize("NFKD", character.translate(_SIMPLER))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    if plain and all(has_glyph(c) for c in plain):
        return plain
    return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"


@lru_cache(maxsize=8192)
def text_width(text: str, size: int) -> float:
    """Pixels from the pen's start to its end, for one line."""
    drawn, name = resolve(text)
    return font(size, name).getlength(drawn)


@lru_cache(maxsize=1)
def _shape() -> tuple[float, float]:
    ascent, descent = font(100).getmetrics()
    return ascent / 100, descent / 100


@lru_cache(maxsize=256)
def ascent(size: int) -> int:
    """Pixels from the top of a line's mask to its baseline; the same for every font, so that lines align."""
    return round(_shape()[0] * size) + 1


@lru_cache(maxsize=256)
def line_height(size: int) -> int:
    """Pixels of a line's mask, descenders included."""
    return ascent(size) + round(_shape()[1] * size) + 1


@lru_cache(maxsize=2048)
def coverage(text: str, size: int) -> np.ndarray:
    """`(line_height, width)` uint8 coverage of one line; cached, so never write into it."""
    drawn, name = resolve(text)
    width = max(1, int(np.ceil(text_width(text, size))) + 1)
    mask = Image.new("L", (width, line_height(size)))
    ImageDraw.Draw(mask).text((0, ascent(size)), drawn, fill=255, font=font(size, name), anchor="ls")
    array = np.array(mask)
    array.flags.writeable = False
    return array
