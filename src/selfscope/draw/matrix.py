"""A small table of numbers as a picture: each cell coloured by its value and readable as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfscope.draw.canvas import INK, SOFT, Canvas
from selfscope.draw.colour import colormap, parse, readable_on
from selfscope.draw.glyphs import line_height, text_width
from selfscope.draw.text import shorten
from selfscope.errors import UsageError

_NAME = 40
"""Names are shortened to the width of about so many letters, in the middle: twins may differ at their ends."""


def matrix_picture(
    values: np.ndarray, names: Sequence[str], *, title: str = "", vmin: float = 0.0, vmax: float = 1.0, size: int = 15
) -> np.ndarray:
    """`(M, M)` values between things by name, a row and a column each; a value that is no number is left empty.

    `size` is the height of the letters in pixels. Columns are headed by the rows' numbers, as names would not fit.
    """
    values = np.asarray(values, float)
    if values.shape != (len(names), len(names)) or not len(names):
        raise UsageError(f"matrix: expected one row and column for each of {len(names)} names, got {values.shape}")
    words = [f"{number}  {name}" for number, name in enumerate(names, 1)]
    widest = int(text_width("x" * _NAME, size))
    room = min(widest, max(int(text_width(word, size)) for word in words)) + size
    wide, high, line = round(4.2 * size), round(2.2 * size), line_height(size)
    top = (2 * line if title else 0) + line + size // 2
    body = max(room + wide * len(names), int(text_width(title, size)) if title else 0)
    canvas = Canvas.blank(top + high * len(names) + size, body + 2 * size)
    canvas.text(size, size // 2, title, size, INK)
    inks = colormap(np.nan_to_num(values), vmin, vmax)  # (M, M, 3)
    for row, word in enumerate(words):
        y = top + row * high
        canvas.text(size, y + high / 2, shorten(word, size, room - size, keep="both"), size, INK, anchor="lm")
        canvas.text(size + room + (row + 0.5) * wide, top - size // 2, str(row + 1), size, SOFT, anchor="mb")
        for column in np.flatnonzero(np.isfinite(values[row])):
            x, ink = size + room + int(column) * wide, parse(inks[row, column])
            canvas.rectangle((x, y, x + wide - 2, y + high - 2), ink)
            number = f"{values[row, column]:.2f}"
            canvas.text(x + wide / 2 - 1, y + high / 2 - 1, number, size, readable_on(ink), anchor="mm")
    return canvas.pixels


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate

    likeness = np.array([[1, 0.62, 0.08], [0.62, 1, 0.31], [0.08, 0.31, np.nan]])
    demonstrate(matrix_picture(likeness, ["MAE", "SimSiam", "untrained"], title="linear CKA"))
