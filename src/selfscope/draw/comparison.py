"""The same images, masked the same way, as a model painted them first and paints them now."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from selfscope.draw.compose import Cell, page, panels, stack
from selfscope.draw.picture import resize
from selfscope.draw.text import size_for
from selfscope.errors import RecordError

_LEGIBLE = 160
"""Smaller pictures are enlarged by a whole factor up to about this many pixels."""
_NUMBERS = {"skill": "skill {:.3f}", "psnr": "PSNR {:.1f} dB"}


@dataclass(frozen=True, eq=False)
class Painted:
    """What a model made of some images at one moment."""

    when: str
    """`step 1,200 · epoch 3`."""
    pictures: Sequence[np.ndarray]
    """`(H, W, 3)` uint8, one an image."""
    numbers: Sequence[Mapping[str, float]] = field(default=())
    """Of each picture: `skill`, `psnr`; the first of these that is there stands above it."""


def comparison_picture(
    given: Sequence[Sequence[Cell]],
    painted: Sequence[Painted],
    *,
    title: str = "",
    notes: Sequence[str] = (),
    footer: Sequence[str] = (),
) -> np.ndarray:
    """A row an image: its `given` cells (original, masked), then what was painted at each moment, oldest first."""
    if any(len(moment.pictures) != len(given) for moment in painted):
        counts = [len(moment.pictures) for moment in painted]
        raise RecordError(f"comparison: {len(given)} images, but {counts} pictures of them")
    largest = max(max(picture.shape[:2]) for row in given for picture, _ in row)
    factor = max(1, _LEGIBLE // largest)
    size = size_for(largest * factor)
    rows = [_row(i, row, painted, factor, size) for i, row in enumerate(given)]
    return page(stack(rows, gap=size, align="start"), title=title, notes=notes, footer=footer, size=size)


def _row(i: int, given: Sequence[Cell], painted: Sequence[Painted], factor: int, size: int) -> np.ndarray:
    cells = [(_enlarged(picture, factor), words) for picture, words in given]
    cells += [(_enlarged(moment.pictures[i], factor), _heading(moment, i)) for moment in painted]
    return panels(cells, size=size)


def _heading(moment: Painted, i: int) -> str:
    numbers = moment.numbers[i] if moment.numbers else {}
    told = (text.format(numbers[name]) for name, text in _NUMBERS.items() if math.isfinite(numbers.get(name, math.nan)))
    number = next(told, "")
    return " · ".join(part for part in (moment.when if i == 0 else "", number) if part)


def _enlarged(picture: np.ndarray, factor: int) -> np.ndarray:
    return resize(picture, (picture.shape[0] * factor, picture.shape[1] * factor), "nearest")


if __name__ == "__main__":
    from selfscope.draw.mask import overlay
    from selfscope.draw.show import demonstrate, sample_photo

    photos = [sample_photo(160, 160, seed=i) for i in range(2)]
    removed = (np.random.default_rng(0).permutation(64).reshape(8, 8) < 40).astype(np.uint8)
    first = Painted("step 0", [np.full_like(photo, 128) for photo in photos], [{"psnr": 11.0}, {"psnr": 12.0}])
    now = Painted("step 900", [photo // 2 + 64 for photo in photos], [{"psnr": 21.0}, {"psnr": 19.5}])
    cells = [[(photo, "original"), (overlay(photo, removed), "62 % masked")] for photo in photos]
    demonstrate(comparison_picture(cells, [first, now], title="First and now"))
