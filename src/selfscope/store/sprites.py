"""Small pictures by the hundred on one sheet: `thumbs-<n>.webp`, square tiles from left to right, top to bottom.

Tile t lies on sheet t // (columns · rows); the table's column `thumb` has each item's tile, -1 for none. A picture is
shrunk to fit its tile and lies in its middle, on white.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from selfscope.errors import RunError
from selfscope.store.encode import decode_picture
from selfscope.store.files import write_bytes

SIDE, COLUMNS, ROWS = 96, 20, 20


def store_sheets(folder: Path, pictures: Mapping[int, np.ndarray]) -> dict[str, int]:
    """Writes the sheets, in the order of the items' numbers, and returns what a reader must know of them."""
    items, size = sorted(pictures), COLUMNS * ROWS
    for sheet, first in enumerate(range(0, len(items), size)):
        chosen = items[first : first + size]
        canvas = Image.new("RGB", (COLUMNS * SIDE, -(-len(chosen) // COLUMNS) * SIDE), (255, 255, 255))
        for place, item in enumerate(chosen):
            tile = Image.fromarray(pictures[item])
            tile.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
            left, top = place % COLUMNS * SIDE, place // COLUMNS * SIDE
            canvas.paste(tile, (left + (SIDE - tile.width) // 2, top + (SIDE - tile.height) // 2))
        buffer = BytesIO()
        canvas.save(buffer, "WEBP", quality=85, method=4)
        write_bytes(folder / f"thumbs-{sheet}.webp", buffer.getvalue())
    return {"side": SIDE, "columns": COLUMNS, "rows": ROWS, "count": len(items)}


def tile_numbers(pictures: Mapping[int, np.ndarray], n: int) -> np.ndarray:
    """The tile of each of n items, `(n,)` int32, -1 for those without."""
    numbers = np.full(n, -1, np.int32)
    numbers[sorted(pictures)] = np.arange(len(pictures))
    return numbers


def load_sheets(folder: Path, facts: Mapping[str, Any], numbers: np.ndarray) -> Sheets:
    try:
        side, columns, rows = (int(facts[name]) for name in ("side", "columns", "rows"))
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder / 'quality.json'}: expected the side, columns and rows of its thumbnails") from error
    if min(side, columns, rows) < 1:
        raise RunError(f"{folder / 'quality.json'}: expected thumbnails of at least one pixel, got {dict(facts)}")
    tiles = {int(item): int(numbers[item]) for item in np.flatnonzero(numbers >= 0)}
    return Sheets(folder, side, columns, rows, tiles)


class Sheets(Mapping[int, np.ndarray]):
    """Stored thumbnails by item, `(side, side, 3)` uint8 RGB each; sheets are read when they are asked for."""

    def __init__(self, folder: Path, side: int, columns: int, rows: int, tiles: Mapping[int, int]) -> None:
        self._folder, self._side, self._columns, self._rows, self._tiles = folder, side, columns, rows, tiles

    def __getitem__(self, item: int) -> np.ndarray:
        sheet, place = divmod(self._tiles[item], self._columns * self._rows)
        row, column = divmod(place, self._columns)
        top, left = row * self._side, column * self._side
        return _sheet(self._folder / f"thumbs-{sheet}.webp")[top : top + self._side, left : left + self._side]

    def __iter__(self) -> Iterator[int]:
        return iter(self._tiles)

    def __len__(self) -> int:
        return len(self._tiles)


@lru_cache(maxsize=4)
def _sheet(path: Path) -> np.ndarray:
    try:
        return decode_picture(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error}") from error
