"""A scene as a PDF page: its font embedded, text as text, lines and markers as shapes; no dates, so bytes repeat."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from selfscope.draw import glyphs
from selfscope.draw.canvas import Canvas
from selfscope.draw.colour import SHAPES, Colour
from selfscope.draw.fontfile import letters
from selfscope.draw.outlines import CURVE, corners, discs
from selfscope.draw.scene import Box, Item, Line, Marks, Photo, Scene, Words, marks_layer
from selfscope.draw.svg import FINE, VECTOR_POINTS

PAGE_WIDTH = 504.0
"""Points across: seven inches, the text width of a two-column paper. A figure keeps its proportions."""
UNSEEN = 0x8000
"""The first code of characters that the font has no glyph for; its own are far fewer."""
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]+")
_CATALOG, _PAGES, _PAGE, _CONTENT, _FONT, _DESCENDANT, _DESCRIPTOR, _FONT_FILE, _UNICODE = range(1, 10)


def pdf(scene: Scene) -> bytes:
    """One page, seven inches wide, PDF 1.4."""
    return _Page(scene).bytes()


class _Page:
    """Collects what the page shows (`content`), and the objects that it refers to by name."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.pictures: list[np.ndarray] = []
        self.opacities: dict[str, float] = {}
        self.unseen: dict[str, int] = {}
        """Characters that are found and copied, but drawn in pictures, by their codes."""
        scale = PAGE_WIDTH / scene.width
        # from here on units are those of the scene, with y upwards from its lower edge
        self.content = [f"{_n(scale, 6)} 0 0 {_n(scale, 6)} 0 0 cm"]
        for item in scene.items:
            self._item(item)

    def bytes(self) -> bytes:
        scale = PAGE_WIDTH / self.scene.width
        box = f"[0 0 {_n(PAGE_WIDTH)} {_n(self.scene.height * scale)}]"
        states = " ".join(f"/{name} << /ca {_n(a)} /CA {_n(a)} >>" for name, a in self.opacities.items())
        first = _UNICODE + 1
        images = " ".join(f"/I{i} {first + i} 0 R" for i in range(len(self.pictures)))
        resources = f"<< /Font << /F {_FONT} 0 R >> /ExtGState << {states} >> /XObject << {images} >> >>"
        page = f"<< /Type /Page /Parent {_PAGES} 0 R /MediaBox {box} /Contents {_CONTENT} 0 R /Resources {resources} >>"
        objects = [
            f"<< /Type /Catalog /Pages {_PAGES} 0 R >>".encode(),
            f"<< /Type /Pages /Kids [{_PAGE} 0 R] /Count 1 >>".encode(),
            page.encode(),
            _stream("\n".join(self.content).encode()),
            *_font_objects(self.unseen),
            *(_picture_object(pixels) for pixels in self.pictures),
        ]
        return _file(objects)

    def _item(self, item: Item) -> None:
        if isinstance(item, Words):
            self._words(item)
        elif isinstance(item, Box):
            self._box(item)
        elif isinstance(item, Line):
            self._line(item)
        elif isinstance(item, Photo):
            self._photo(item)
        elif len(item.points) > VECTOR_POINTS:
            self._photo(Photo(item.box, marks_layer(item, FINE)))
        else:
            self._marks(item)

    def _y(self, y: float) -> float:
        return self.scene.height - y

    def _words(self, words: Words) -> None:
        numbers = letters().glyphs
        (text, face), *others = glyphs.resolve(words.text)
        if others or face is not None or any(c not in numbers for c in text):
            self._drawn_words(words)
            return
        codes = "".join(f"{numbers[c]:04x}" for c in text)
        place = f"{_n(words.left)} {_n(self._y(words.baseline))}"
        self.content.append(f"{_ink(words.colour)} BT /F {words.size} Tf {place} Td <{codes}> Tj ET")

    def _drawn_words(self, words: Words) -> None:
        """Characters that the embedded font lacks: a picture of the line, four pixels a unit, under unseen text."""
        fine = 4
        height, width = glyphs.line_height(words.size), int(np.ceil(words.width)) + 1
        canvas = Canvas.blank(height * fine, width * fine)
        canvas.text(0, 0, words.text, words.size * fine, words.colour)
        top = words.baseline - glyphs.ascent(words.size)
        self._photo(Photo((words.left, top, words.left + width, top + height), canvas.pixels))
        codes = "".join(
            f"{self.unseen.setdefault(c, UNSEEN + len(self.unseen)):04x}" for c in _left_to_right(words.text)
        )
        stretch = 100 * words.width / (len(words.text) * words.size)
        place = f"{_n(words.left)} {_n(self._y(words.baseline))}"
        self.content.append(f"BT /F {words.size} Tf 3 Tr {_n(stretch)} Tz {place} Td <{codes}> Tj 0 Tr 100 Tz ET")

    def _box(self, box: Box) -> None:
        x0, y0, x1, y1 = box.box
        inset = (box.stroke or 0) / 2
        shape = f"{_n(x0 + inset)} {_n(self._y(y1) + inset)} {_n(x1 - x0 - 2 * inset)} {_n(y1 - y0 - 2 * inset)} re"
        if box.stroke is None:
            self.content.append(f"{_ink(box.colour)} {shape} f")
        else:
            self.content.append(f"{_ink(box.colour, 'RG')} {_n(box.stroke)} w {shape} S")

    def _line(self, line: Line) -> None:
        steps = [f"{_n(x)} {_n(self._y(y))} {'l' if i else 'm'}" for i, (x, y) in enumerate(line.path.tolist())]
        state = self._opacity(line.alpha)
        self.content.append(f"q {state} {_ink(line.colour, 'RG')} {_n(line.width)} w {' '.join(steps)} S Q")

    def _photo(self, photo: Photo) -> None:
        x0, y0, x1, y1 = photo.box
        name = f"I{len(self.pictures)}"
        self.pictures.append(photo.pixels)
        self.content.append(f"q {_n(x1 - x0)} 0 0 {_n(y1 - y0)} {_n(x0)} {_n(self._y(y1))} cm /{name} Do Q")

    def _marks(self, marks: Marks) -> None:
        radius, halo = marks.look.diameter / 2, marks.look.halo
        kinds = np.unique(marks.shapes).tolist()
        inside = {kind: _shape(SHAPES[kind], radius) for kind in kinds}
        edge = f"{_n(2 * halo)} w 1 1 1 RG" if halo else ""
        self.content.append(f"q {self._opacity(marks.look.alpha)} {edge}")
        rows = zip(marks.points.tolist(), marks.colours.tolist(), marks.shapes.tolist(), strict=True)
        for (x, y), colour, kind in rows:
            paint = f"{inside[kind]} S " if halo else ""
            ink = _ink((colour[0], colour[1], colour[2]))
            self.content.append(f"q 1 0 0 1 {_n(x)} {_n(self._y(y))} cm {paint}{ink} {inside[kind]} f* Q")
        self.content.append("Q")

    def _opacity(self, alpha: float) -> str:
        if alpha >= 1:
            return ""
        name = f"A{round(alpha * 1000)}"
        self.opacities[name] = alpha
        return f"/{name} gs"


def _left_to_right(text: str) -> str:
    """Characters as they stand on a line: viewers turn what runs from right to left."""
    return RIGHT_TO_LEFT.sub(lambda found: found[0][::-1], text)


def _shape(kind: str, radius: float) -> str:
    """A closed path about the origin, y upwards."""
    rounds = discs(kind)
    if not rounds:
        steps = [f"{_n(x * radius)} {_n(-y * radius)} {'l' if i else 'm'}" for i, (x, y) in enumerate(corners(kind))]
        return " ".join([*steps, "h"])
    return " ".join(_circle(share * radius) for share in rounds)


def _circle(r: float) -> str:
    c, o = _n(CURVE * r), "0"
    p, m, mc = _n(r), _n(-r), _n(-CURVE * r)
    return (
        f"{p} {o} m {p} {c} {c} {p} {o} {p} c {mc} {p} {m} {c} {m} {o} c "
        f"{m} {mc} {mc} {m} {o} {m} c {c} {m} {p} {mc} {p} {o} c h"
    )


def _font_objects(unseen: Mapping[str, int]) -> list[bytes]:
    """The font by glyph numbers, whole: it is 13 kB, and viewers find the characters again by the last object."""
    known = letters()
    box = " ".join(map(str, known.box))
    widths = " ".join(map(str, known.widths))
    codes = [*known.glyphs.items(), *unseen.items()]
    shown = "\n".join(f"<{code:04x}> <{c.encode('utf-16-be').hex()}>" for c, code in codes)
    count = shown.count("\n") + 1
    unicode_map = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /Glyphs def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        + "".join(_bfchars(shown.split("\n")[i : i + 100]) for i in range(0, count, 100))
        + "endcmap CMapName currentdict /CMap defineresource pop end end"
    )
    system = "<< /Registry (Adobe) /Ordering (Identity) /Supplement 0 >>"
    return [
        f"<< /Type /Font /Subtype /Type0 /BaseFont /Aileron-Regular /Encoding /Identity-H "
        f"/DescendantFonts [{_DESCENDANT} 0 R] /ToUnicode {_UNICODE} 0 R >>".encode(),
        f"<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Aileron-Regular /CIDSystemInfo {system} "
        f"/FontDescriptor {_DESCRIPTOR} 0 R /W [0 [{widths}]] /CIDToGIDMap /Identity >>".encode(),
        f"<< /Type /FontDescriptor /FontName /Aileron-Regular /Flags 32 /FontBBox [{box}] /ItalicAngle 0 "
        f"/Ascent {known.ascent} /Descent {known.descent} /CapHeight 700 /StemV 80 "
        f"/FontFile2 {_FONT_FILE} 0 R >>".encode(),
        _stream(glyphs.font_file(), f"/Length1 {len(glyphs.font_file())}"),
        _stream(unicode_map.encode()),
    ]


def _bfchars(lines: Sequence[str]) -> str:
    joined = "\n".join(lines)
    return f"{len(lines)} beginbfchar\n{joined}\nendbfchar\n"


def _picture_object(pixels: np.ndarray) -> bytes:
    height, width, _ = pixels.shape
    facts = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceRGB /BitsPerComponent 8"
    return _stream(np.ascontiguousarray(pixels).tobytes(), facts)


def _stream(data: bytes, facts: str = "") -> bytes:
    packed = zlib.compress(data, 9)
    return f"<< /Length {len(packed)} /Filter /FlateDecode {facts} >>\nstream\n".encode() + packed + b"\nendstream"


def _file(objects: Sequence[bytes]) -> bytes:
    """Objects numbered from 1, with the table of where each begins."""
    parts, places, length = [b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"], [], 15
    for number, body in enumerate(objects, 1):
        part = f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
        places.append(length)
        parts.append(part)
        length += len(part)
    rows = "".join(f"{place:010d} 00000 n \n" for place in places)
    table = f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{rows}"
    end = f"trailer\n<< /Size {len(objects) + 1} /Root {_CATALOG} 0 R >>\nstartxref\n{length}\n%%EOF\n"
    return b"".join(parts) + table.encode() + end.encode()


def _ink(colour: Colour, operator: str = "rg") -> str:
    return " ".join(_n(level / 255, 3) for level in colour) + f" {operator}"


def _n(value: float, decimals: int = 2) -> str:
    text = f"{value:.{decimals}f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
