"""A scene as SVG: text stays text, lines and markers stay shapes; thousands of markers more become one picture."""

from __future__ import annotations

import html
from base64 import b64encode
from io import BytesIO

import numpy as np
from PIL import Image

from selfscope.draw import glyphs
from selfscope.draw.colour import SHAPES, Colour
from selfscope.draw.outlines import corners, discs
from selfscope.draw.scene import Box, Item, Line, Marks, Photo, Scene, Words, marks_layer

VECTOR_POINTS = 20_000
"""Markers that are written as shapes; more of them make files that viewers open slowly."""
FINE = 3
"""Pixels a unit of the picture that they become then."""
FONTS = 'Aileron,"Helvetica Neue",Helvetica,Arial,"Liberation Sans","DejaVu Sans Condensed",sans-serif'
"""After the font that travels inside, ones about as wide, for viewers such as librsvg that know neither that nor
`textLength`: DejaVu Sans would run off the page."""
_ANCHORS = {"l": "start", "m": "middle", "r": "end"}


def svg(scene: Scene) -> bytes:
    """UTF-8, self-contained: the letters' font travels inside, nothing is fetched."""
    font = b64encode(glyphs.font_file()).decode()
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{scene.width}" height="{scene.height}" '
        f'viewBox="0 0 {scene.width} {scene.height}">\n'
        f'<style>@font-face{{font-family:"Aileron";src:url("data:font/ttf;base64,{font}")}}'
        f"text{{font-family:{FONTS};white-space:pre}}</style>\n"
        f'<rect width="{scene.width}" height="{scene.height}" fill="#fff"/>\n'
    )
    return (head + "\n".join(_item(item) for item in scene.items) + "\n</svg>\n").encode()


def _item(item: Item) -> str:
    if isinstance(item, Words):
        return _words(item)
    if isinstance(item, Box):
        return _box(item)
    if isinstance(item, Line):
        path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in item.path)
        faint = f' stroke-opacity="{_n(item.alpha)}"' if item.alpha < 1 else ""
        return f'<path d="{path}" fill="none" stroke="{_hex(item.colour)}" stroke-width="{_n(item.width)}"{faint}/>'
    if isinstance(item, Photo):
        return _photo(item)
    if len(item.points) > VECTOR_POINTS:
        return _photo(Photo(item.box, marks_layer(item, FINE)))
    return _marks(item)


def _words(words: Words) -> str:
    anchor = "" if words.anchor[0] == "l" else f' text-anchor="{_ANCHORS[words.anchor[0]]}"'
    measured = len(words.text) > 1 and glyphs.is_drawable(words.text)  # not by what stands in for letters here
    length = f' textLength="{_n(words.width)}" lengthAdjust="spacingAndGlyphs"' if measured else ""
    text = html.escape("".join(c if c.isprintable() else " " for c in words.text), quote=False)
    place = f'x="{_n(words.x)}" y="{_n(words.baseline)}" font-size="{words.size}"'
    return f'<text {place} fill="{_hex(words.colour)}"{anchor}{length}>{text}</text>'


def _box(box: Box) -> str:
    x0, y0, x1, y1 = box.box
    inset = (box.stroke or 0) / 2
    size = f'width="{_n(x1 - x0 - 2 * inset)}" height="{_n(y1 - y0 - 2 * inset)}"'
    ink = _hex(box.colour)
    paint = f'fill="{ink}"' if box.stroke is None else f'fill="none" stroke="{ink}" stroke-width="{_n(box.stroke)}"'
    return f'<rect x="{_n(x0 + inset)}" y="{_n(y0 + inset)}" {size} {paint}/>'


def _photo(photo: Photo) -> str:
    x0, y0, x1, y1 = photo.box
    buffer = BytesIO()
    Image.fromarray(photo.pixels).save(buffer, "PNG", optimize=True)
    data = b64encode(buffer.getvalue()).decode()
    place = f'x="{_n(x0)}" y="{_n(y0)}" width="{_n(x1 - x0)}" height="{_n(y1 - y0)}"'
    return f'<image {place} preserveAspectRatio="none" href="data:image/png;base64,{data}"/>'


def _marks(marks: Marks) -> str:
    radius, halo = marks.look.diameter / 2, marks.look.halo
    edge = f' stroke="#fff" stroke-width="{_n(2 * halo)}" paint-order="stroke"' if halo else ""
    parts = [f'<g fill-opacity="{_n(marks.look.alpha)}" stroke-opacity="{_n(marks.look.alpha)}"{edge}>']
    shapes = {kind: _shape(SHAPES[kind], radius) for kind in np.unique(marks.shapes).tolist()}
    for (x, y), colour, kind in zip(marks.points.tolist(), marks.colours.tolist(), marks.shapes.tolist(), strict=True):
        ink = "#{:02x}{:02x}{:02x}".format(*colour)
        if SHAPES[kind] == "disc":
            parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(radius)}" fill="{ink}"/>')
        else:
            parts.append(f'<path transform="translate({_n(x)} {_n(y)})" d="{shapes[kind]}" fill="{ink}"/>')
    return "\n".join([*parts, "</g>"])


def _shape(kind: str, radius: float) -> str:
    """A path about the origin; the hole of a ring runs the other way round."""
    rounds = discs(kind)
    if not rounds:
        return "M" + "L".join(f"{_n(x * radius)} {_n(y * radius)}" for x, y in corners(kind)) + "Z"
    path = ""
    for sweep, share in zip((1, 0), rounds, strict=False):
        r = _n(share * radius)
        path += f"M-{r} 0A{r} {r} 0 1 {sweep} {r} 0A{r} {r} 0 1 {sweep} -{r} 0Z"
    return path


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _n(value: float) -> str:
    """Two decimals, as short as they go."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
