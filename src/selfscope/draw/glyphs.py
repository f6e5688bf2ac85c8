"""Letters: which font draws a text, how wide it is, and its coverage mask.

Pillow's bundled Aileron holds ASCII and a few signs, and looks the same on every machine. A text with other characters
is drawn in a font of the system that has them all, or word by word in several. What no font has loses its accent
(`é` → `e`), or is spelt out by its sound (`か` → `ka`) or its number (`中` → `U+4E2D`), never an empty box; and which
font to install is logged, once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont, features

from selfscope.draw import missing
from selfscope.draw.systemfonts import Face, characters, faces, faces_beside, family

_SIMPLER = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "→": "->", "←": "<-", "≥": ">=", "≤": "<=", "≈": "~", "×": "x", "ß": "ss"}
)
_SHAPED = re.compile("[\u0300-\u036f\u0590-\u08ff\u0900-\u109f\u1780-\u17ff\ufb1d-\ufdff\ufe70-\ufeff]")
"""Scripts whose letters join, change places or run from right to left."""
_JOINERS = dict.fromkeys((0x200C, 0x200D))
"""Unseen characters that part or join the letters beside them: for fonts that shape, and left out elsewhere."""
_CLUSTER = re.compile("(?s:.)[\u200c\u200d]*")
_KANA, _HANGUL, _HAN = "\u3040-\u30ff", "\uac00-\ud7af", "\u3400-\u9fff"
_CJK = re.compile(f"[{_KANA}{_HANGUL}{_HAN}]")
_SOUND = re.compile(r"(?:HIRAGANA|KATAKANA) LETTER (?:SMALL )?(\w+)|HANGUL SYLLABLE (\w+)")


class Piece(NamedTuple):
    """Characters of a line that one font draws."""

    text: str
    face: Face | None = None
    """None: Aileron."""


@lru_cache(maxsize=256)
def font(size: int, face: Face | None = None, shaped: bool = False) -> ImageFont.FreeTypeFont:
    """The font at `size` pixels: Aileron, or one of the system's; `shaped` joins letters, for a Pillow that can."""
    if face is None:
        found = ImageFont.load_default(size)
        assert isinstance(found, ImageFont.FreeTypeFont)
        return found
    engine = ImageFont.Layout.RAQM if shaped else ImageFont.Layout.BASIC
    return ImageFont.truetype(face.file, size, index=face.index, layout_engine=engine)


@lru_cache(maxsize=1)
def font_file() -> bytes:
    """Aileron as a TrueType file (CC0), as it travels with Pillow; for figures that carry their letters along."""
    data: bytes = font(16).font_bytes
    return data


@lru_cache(maxsize=8192)
def has_glyph(character: str) -> bool:
    """Whether Aileron draws the character as something else than its sign for a missing glyph."""
    if character == " " or ord(character) in _JOINERS:
        return True
    ours, nothing = font(16).getmask(character), font(16).getmask("\U0010ffff")
    return ours.size != nothing.size or bytes(ours) != bytes(nothing)


@lru_cache(maxsize=8192)
def resolve(text: str) -> tuple[Piece, ...]:
    """What is drawn for one line of text, and by which fonts: the text itself wherever a font here has it."""
    shown = (c if c.isprintable() or ord(c) in _JOINERS else f"\\x{ord(c):02x}" for c in _spaced(text))
    return tuple(piece if _is_shaped(piece) else _unjoined(piece) for piece in _pieces("".join(shown)))


def is_drawable(text: str) -> bool:
    """Whether every character is drawn as itself."""
    drawn = "".join(piece.text for piece in resolve(text))
    return drawn.translate(_JOINERS) == _spaced(text).translate(_JOINERS)


def _spaced(text: str) -> str:
    """With the plain space for every other one, such as those that do not break or are as wide as a Han letter."""
    return "".join(" " if c.isspace() else c for c in text)


def _is_shaped(piece: Piece) -> bool:
    return piece.face is not None and _SHAPED.search(piece.text) is not None and bool(features.check("raqm"))


def _unjoined(piece: Piece) -> Piece:
    return piece._replace(text=piece.text.translate(_JOINERS))


def _pieces(text: str) -> Iterator[Piece]:
    if all(map(has_glyph, text)):
        yield Piece(text)
        return
    face = None if _CJK.search(text) else _face_of(text)  # signs between words are wider in fonts of East Asia
    yield from [Piece(text, face)] if face is not None else _joined(_by_words(text))


def _by_words(text: str) -> Iterator[Piece]:
    for word in re.split("( )", text):
        face = None if all(map(has_glyph, word)) else _face_of(word)
        if face is not None or all(map(has_glyph, word)):
            yield Piece(word, face)
            continue
        for known, run in groupby(_CLUSTER.findall(word), key=lambda c: has_glyph(c[0]) or _face_of(c)):
            letters = "".join(run)
            yield Piece(letters if known else _spelt(letters), known if isinstance(known, Face) else None)


def _joined(pieces: Iterator[Piece]) -> Iterator[Piece]:
    for face, run in groupby(pieces, key=lambda piece: piece.face):
        yield Piece("".join(piece.text for piece in run), face)


@lru_cache(maxsize=8192)
def _face_of(text: str) -> Face | None:
    """The first font that opens and has every character; of one for several languages, the one for the text's."""
    codes = {ord(c) for c in text} - _JOINERS.keys()
    fitting = (face for face in faces() if all(code in characters(face) for code in codes))
    face = next((face for face in fitting if family(face) is not None), None)
    if face is None or not face.file.lower().endswith("c"):
        return face
    letters = {"KR": _HANGUL, "JP": _KANA, "SC": _HAN}
    kind = next((kind for kind, span in letters.items() if re.search(f"[{span}]", text)), "")
    return next((one for name, one in faces_beside(face) if kind and name.endswith(f" {kind}")), face)


def _spelt(letters: str) -> str:
    """Without accents, or else by sound or number, which is told."""
    letters = letters.translate(_JOINERS)
    plain = [_plain(c) for c in letters]
    missing.tell(c for c, simple in zip(letters, plain, strict=True) if simple is None)
    words = [_sound(c) if simple is None else simple for c, simple in zip(letters, plain, strict=True)]
    return "".join(f" {word}" if i and word.startswith("U+") else word for i, word in enumerate(words))


def _plain(character: str) -> str | None:
    """Letters of Aileron that mean nearly the same, if there are any."""
    plain = unicodedata.normalize("NFKD", character.translate(_SIMPLER))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain if plain and all(has_glyph(c) for c in plain) else None


def _sound(character: str) -> str:
    sound = _SOUND.fullmatch(unicodedata.name(character, ""))
    return (sound[1] or sound[2]).lower() if sound else f"U+{ord(character):04X}"


@lru_cache(maxsize=8192)
def text_width(text: str, size: int) -> float:
    """Pixels from the pen's start to its end, for one line."""
    return sum(_font_for(piece, size).getlength(piece.text) for piece in resolve(text))


def _font_for(piece: Piece, size: int) -> ImageFont.FreeTypeFont:
    return font(size, piece.face, _is_shaped(piece))


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
    width = max(1, int(np.ceil(text_width(text, size))) + 1)
    mask, pen = Image.new("L", (width, line_height(size))), 0.0
    for piece in resolve(text):
        used = _font_for(piece, size)
        ImageDraw.Draw(mask).text((pen, ascent(size)), piece.text, fill=255, font=used, anchor="ls")
        pen += used.getlength(piece.text)
    array = np.array(mask)
    array.flags.writeable = False
    return array
