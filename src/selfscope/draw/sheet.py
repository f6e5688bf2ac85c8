"""The paper around a figure: title, notes on an amber strip, small footnotes; as a scene."""

from __future__ import annotations

from collections.abc import Sequence

from selfscope.draw.canvas import INK, SOFT
from selfscope.draw.glyphs import line_height
from selfscope.draw.scene import Scene
from selfscope.draw.text import AMBER, AMBER_EDGE, AMBER_INK, wrap


def sheet(
    body: Scene,
    *,
    title: str = "",
    notes: Sequence[str] = (),
    footer: Sequence[str] = (),
    size: int,
    min_width: int = 0,
) -> Scene:
    """A figure on white paper; all words wrap to the width of the body, or to `min_width` where that is more."""
    width = max(body.width, min_width)
    margin, big = size + 3, round(size * 1.3)
    titles = wrap(title, big, width, max_lines=2) if title else []
    strips = [line for note in notes for line in wrap(note, size, width - 2 * size)]
    small = [line for line in footer for line in wrap(line, size, width, max_lines=3)]
    top = margin + len(titles) * line_height(big) + (size // 2 if titles else 0)
    below = top + body.height + (size * 2 // 3 if strips or small else 0)
    strip = len(strips) * line_height(size) + size * 2 // 3 if strips else 0
    after = below + strip + (size // 2 if strips and small else 0)
    scene = Scene(after + len(small) * line_height(size) + margin, width + 2 * margin)
    scene.lines(titles, margin, margin, big, INK)
    scene.paste(body, margin, top)
    if strips:
        scene.box((margin, below, margin + width, below + strip), AMBER)
        scene.box((margin, below, margin + max(3, size // 4), below + strip), AMBER_EDGE)
        scene.lines(strips, margin + size, below + size // 3, size, AMBER_INK)
    scene.lines(small, margin, after, size, SOFT)
    return scene
