"""Loops over bytes, compiled: Pillow's resampling, blur and colour arithmetic, and OpenCV's bilinear resize.

Every step rounds where theirs does and with as many bits, so the bytes are the same; `data.compiled` makes sure before
it uses them. Pictures are `(H, W, 3)` uint8, C-contiguous. No function starts threads, all release the GIL.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba
import numpy as np

TILE = 32
"""Rows that are turned on their side together, so that neighbours in x lie far apart and rows beside each other."""
BLOCK = 1024
"""Pixels whose colours are worked on together."""
BITS = 22
"""Pillow's weights are integers in units of 1 / 2 ** 22."""


def _compiled(function: Callable[..., Any]) -> Any:
    """No reordering of sums: floats must round as they do in Pillow."""
    try:
        return numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no writable folder for its cache
        return numba.njit(nogil=True, error_model="numpy")(function)


@_compiled
def filter_weight(x: float, support: int) -> float:
    """Pillow's filters at a distance of `x` >= 0: bilinear (support 1), bicubic (2), Lanczos (3)."""
    if x >= support:
        return 0.0
    if support == 1:
        return 1.0 - x
    if support == 2:
        return (1.5 * x - 2.5) * x * x + 1 if x < 1 else (((x - 5) * x + 8) * x - 4) * -0.5
    if x == 0:
        return 1.0
    wide, narrow = x * math.pi, x / 3 * math.pi
    return (math.sin(wide) / wide) * (math.sin(narrow) / narrow)


@_compiled
def filter_taps(old: int, new: int, support: int) -> Any:
    """For each new pixel its first old one, how many follow, and their integer weights `(new, most)`."""
    scale = old / new
    widened = max(scale, 1.0)  # a filter grows with the factor by which the picture shrinks
    reach, inverse = support * widened, 1.0 / widened
    most = math.ceil(reach) * 2 + 1
    first, count = np.zeros(new, np.int64), np.zeros(new, np.int64)
    weights, exact = np.zeros((new, most), np.int32), np.zeros(most)
    for i in range(new):
        centre = (i + 0.5) * scale
        first[i] = max(int(centre - reach + 0.5), 0)
        count[i] = min(int(centre + reach + 0.5), old) - first[i]
        total = 0.0
        for t in range(count[i]):
            exact[t] = filter_weight(abs((t + first[i] - centre + 0.5) * inverse), support)
            total += exact[t]
        for t in range(count[i]):
            share = (exact[t] / total if total != 0 else exact[t]) * (1 << BITS)
            weights[i, t] = int(share - 0.5) if share < 0 else int(share + 0.5)
    return first, count, weights


@_compiled
def resampled_across(pixels: np.ndarray, first: np.ndarray, count: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each row at a new width."""
    height, width, _ = pixels.shape
    new = len(first)
    made = np.empty((height, new, 3), np.uint8)
    tile, turned = np.zeros((width, 3, TILE), np.uint8), np.empty((new, 3, TILE), np.uint8)
    lines, sums = tile.reshape(width, 3 * TILE), np.empty(3 * TILE, np.int32)
    results = turned.reshape(new, 3 * TILE)
    for top in range(0, height, TILE):
        rows = min(TILE, height - top)
        for r in range(rows):
            for x in range(width):
                for c in range(3):
                    tile[x, c, r] = pixels[top + r, x, c]
        for i in range(new):
            for j in range(3 * TILE):
                sums[j] = 1 << (BITS - 1)
            for t in range(count[i]):
                weight, line = weights[i, t], lines[first[i] + t]
                for j in range(3 * TILE):
                    sums[j] += np.int32(weight * np.int32(line[j]))
            for j in range(3 * TILE):
                results[i, j] = min(max(sums[j] >> BITS, 0), 255)
        for r in range(rows):
            for i in range(new):
                for c in range(3):
                    made[top + r, i, c] = turned[i, c, r]
    return made


@_compiled
def resampled_down(pixels: np.ndarray, first: np.ndarray, count: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each column at a new height."""
    height, width, _ = pixels.shape
    lines = pixels.reshape(height, width * 3)
    made, sums = np.empty((len(first), width * 3), np.uint8), np.empty(width * 3, np.int32)
    for i in range(len(first)):
        for j in range(width * 3):
            sums[j] = 1 << (BITS - 1)
        for t in range(count[i]):
            weight, line = weights[i, t], lines[first[i] + t]
            for j in range(width * 3):
                sums[j] += np.int32(weight * np.int32(line[j]))
        for j in range(width * 3):
            made[i, j] = min(max(sums[j] >> BITS, 0), 255)
    return made.reshape(len(first), width, 3)


@_compiled
def bilinear_line(line: np.ndarray, columns: np.ndarray, weights: np.ndarray, made: np.ndarray) -> None:
    """One row `(W, 3)` at a new width into `made` `(w, 3)` int32, in 1/128 of a grey level."""
    for i in range(len(columns)):
        left, right = columns[i, 0], columns[i, 1]
        for c in range(3):
            made[i, c] = (np.int32(line[left, c]) * weights[i, 0] + np.int32(line[right, c]) * weights[i, 1]) >> 4


@_compiled
def bilinear(
    pixels: np.ndarray, columns: np.ndarray, across: np.ndarray, rows: np.ndarray, down: np.ndarray
) -> np.ndarray:
    """OpenCV's INTER_LINEAR from `(n, 2)` neighbours and their int32 weights in 1/2048, for columns and rows."""
    width = len(columns)
    made = np.empty((len(rows), width * 3), np.uint8)
    kept, held = np.empty((2, width, 3), np.int32), np.full(2, -1)
    for y in range(len(rows)):
        upper, lower = rows[y]
        for row in (upper, lower):  # two rows of different parity, so one never takes the other's place
            if held[row % 2] != row:
                bilinear_line(pixels[row], columns, across, kept[row % 2])
                held[row % 2] = row
        above, below = kept[upper % 2].reshape(width * 3), kept[lower % 2].reshape(width * 3)
        for j in range(width * 3):
            value = ((above[j] * down[y, 0]) >> 16) + ((below[j] * down[y, 1]) >> 16)
            made[y, j] = np.uint8((np.int32(value) + 2) >> 2)
    return made.reshape(len(rows), width, 3)


@_compiled
def weighted_across(pixels: np.ndarray, columns: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each row at a new width, `(H, w * 3)` float32, from positions and float32 weights `(w, k)`."""
    height, width, _ = pixels.shape
    new, taps = columns.shape
    made, sums = np.empty((height, new * 3), np.float32), np.empty(3 * TILE, np.float32)
    tile = np.zeros((width, 3, TILE), np.uint8)
    lines = tile.reshape(width, 3 * TILE)
    for top in range(0, height, TILE):
        rows = min(TILE, height - top)
        for r in range(rows):
            for x in range(width):
                for c in range(3):
                    tile[x, c, r] = pixels[top + r, x, c]
        for i in range(new):
            sums[:] = 0
            for t in range(taps):
                weight, line = weights[i, t], lines[columns[i, t]]
                for j in range(3 * TILE):
                    sums[j] += np.float32(line[j]) * weight
            for c in range(3):
                for r in range(rows):
                    made[top + r, 3 * i + c] = sums[c * TILE + r]
    return made


@_compiled
def weighted_down(lines: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Each column of `(H, m)` float32 at a new height, rounded to bytes; ties go to even numbers."""
    new, taps = rows.shape
    made, sums = np.empty((new, lines.shape[1]), np.uint8), np.empty(lines.shape[1], np.float32)
    for i in range(new):
        sums[:] = 0
        for t in range(taps):
            weight, line = weights[i, t], lines[rows[i, t]]
            for j in range(len(sums)):
                sums[j] += line[j] * weight
        for j in range(len(sums)):
            made[i, j] = np.uint8(min(max(np.rint(sums[j]), np.float32(0)), np.float32(255)))
    return made


@_compiled
def add(sums: np.ndarray, line: np.ndarray) -> None:
    for j in range(len(sums)):
        sums[j] += np.uint32(line[j])


@_compiled
def begin(sums: np.ndarray, made: np.ndarray, line: np.ndarray) -> None:
    """Empty sums, and a copy of a line."""
    for j in range(len(sums)):
        sums[j] = 0
    for j in range(len(line)):
        made[j] = line[j]


@_compiled
def box_line(
    sums: np.ndarray, before: np.ndarray, after: np.ndarray, weights: tuple[int, int], made: np.ndarray
) -> None:
    """A line of a box filter: what the box holds, and a share of what lies just before and after it."""
    near, far, half = np.uint32(weights[0]), np.uint32(weights[1]), np.uint32(1 << 23)
    for j in range(len(made)):
        ends = np.uint32(np.uint32(before[j]) + np.uint32(after[j]))
        total = np.uint32(np.uint32(sums[j] * near) + np.uint32(ends * far))
        made[j] = np.uint8(np.uint32(total + half) >> np.uint32(24))


@_compiled
def blurred_across(lines: np.ndarray, radius: int, weights: tuple[int, int], passes: int) -> None:
    """Rows `(H, W * 3)` through a box of `2 radius + 1` pixels, in place; the outermost pixels go on beyond."""
    size, margin = lines.shape[1], 3 * (radius + 1)
    padded, sums = np.empty(size + 2 * margin, np.uint8), np.empty(size, np.uint32)
    for y in range(len(lines)):
        line = lines[y]
        for _ in range(passes):
            begin(sums, padded[margin:], line)
            for j in range(margin):
                padded[j], padded[margin + size + j] = line[j % 3], line[size - 3 + j % 3]
            for start in range(3, 2 * margin, 3):
                add(sums, padded[start:])
            box_line(sums, padded, padded[2 * margin :], weights, line)


@_compiled
def blurred_down(lines: np.ndarray, made: np.ndarray, radius: int, weights: tuple[int, int]) -> None:
    """The same down the columns, once, into `made`."""
    last = len(lines) - 1
    sums = np.zeros(lines.shape[1], np.uint32)
    for y in range(-radius - 1, radius):
        add(sums, lines[min(max(y, 0), last)])
    for y in range(len(lines)):
        before, entering = lines[max(y - radius - 1, 0)], lines[min(y + radius, last)]
        for j in range(len(sums)):
            sums[j] += np.uint32(entering[j]) - np.uint32(before[j])
        box_line(sums, before, lines[min(y + radius + 1, last)], weights, made[y])


@_compiled
def box_blurred(pixels: np.ndarray, radius: int, weights: tuple[int, int], passes: int) -> np.ndarray:
    """Boxes of `2 radius + 1` pixels with `weights[0]` each and `weights[1]` for both neighbours, in 2 ** -24."""
    height, width, _ = pixels.shape
    image = pixels.reshape(height, width * 3).copy()
    other = np.empty_like(image)
    blurred_across(image, radius, weights, passes)
    for _ in range(passes):
        blurred_down(image, other, radius, weights)
        image, other = other, image
    return image.reshape(height, width, 3)


@_compiled
def grey(red: int, green: int, blue: int) -> int:
    """Pillow's luminance of one pixel."""
    weighted = np.int32(red) * 19595 + np.int32(green) * 38470 + np.int32(blue) * 7471 + 0x8000
    return weighted >> 16  # type: ignore[return-value]


@_compiled
def mean_grey(colours: np.ndarray) -> int:
    """The mean luminance of `(N, 3)`, rounded."""
    total, flat = 0, colours.reshape(-1)
    for i in range(len(colours)):
        total += grey(flat[3 * i], flat[3 * i + 1], flat[3 * i + 2])
    return int(total / len(colours) + 0.5)


@_compiled
def blend_with(colours: np.ndarray, ground: int, factor: np.float32) -> None:
    """Moves `(N, 3)` away from, or towards, one grey level, in place; cut to a byte, not rounded."""
    flat = colours.reshape(-1)
    base = np.int32(ground)
    for j in range(len(flat)):
        value = np.float32(base) + factor * np.float32(np.int32(flat[j]) - base)
        flat[j] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))


@_compiled
def moved_from(ground: np.int32, value: np.int32, factor: np.float32) -> np.float32:
    """A byte farther from `ground`, or nearer to it, by a factor; within 0..255."""
    moved = np.float32(ground) + factor * np.float32(value - ground)
    return min(max(moved, np.float32(0)), np.float32(255))


@_compiled
def saturate(colours: np.ndarray, factor: np.float32) -> None:
    """Moves each pixel of `(N, 3)` away from, or towards, its own luminance, in place."""
    flat = colours.reshape(-1)  # a stride of 3 that the compiler knows
    for i in range(len(colours)):
        red, green, blue = np.int32(flat[3 * i]), np.int32(flat[3 * i + 1]), np.int32(flat[3 * i + 2])
        base = np.int32(grey(red, green, blue))
        flat[3 * i] = np.uint8(moved_from(base, red, factor))
        flat[3 * i + 1] = np.uint8(moved_from(base, green, factor))
        flat[3 * i + 2] = np.uint8(moved_from(base, blue, factor))


@_compiled
def turn_hue(colours: np.ndarray, turn: int) -> None:
    """Turns the hue of `(N, 3)` by `turn` 255ths of the circle, in place, through the bytes of Pillow's HSV."""
    planes, flat = np.empty((3, BLOCK), np.int32), colours.reshape(-1)
    reds, greens, blues = planes[0], planes[1], planes[2]
    for start in range(0, len(colours), BLOCK):
        count = min(BLOCK, len(colours) - start)
        block = flat[3 * start : 3 * (start + count)]
        for i in range(count):
            reds[i], greens[i], blues[i] = block[3 * i], block[3 * i + 1], block[3 * i + 2]
        turn_planes(reds[:count], greens, blues, np.int32(turn))
        for i in range(count):
            block[3 * i], block[3 * i + 1], block[3 * i + 2] = reds[i], greens[i], blues[i]


@_compiled
def turn_planes(reds: np.ndarray, greens: np.ndarray, blues: np.ndarray, turn: np.int32) -> None:
    """As `turn_hue`, of int32 planes; without branches, so that many pixels are turned at once."""
    for i in range(len(reds)):
        red, green, blue = reds[i], greens[i], blues[i]
        most = max(red, green, blue)
        spread = np.int32(most - min(red, green, blue))
        full = np.float32(max(spread, np.int32(1)))
        to_red, to_green = np.float32(most - red) / full, np.float32(most - green) / full
        to_blue = np.float32(most - blue) / full
        at_green = np.float32(2.0 + np.float64(to_red) - np.float64(to_blue))
        at_blue = np.float32(4.0 + np.float64(to_green) - np.float64(to_red))
        sixth = np.float32(to_blue - to_green) if red == most else at_green if green == most else at_blue
        share = sixth / 6.0 + 1.0
        share -= 1.0 if share >= 1.0 else 0.0
        hue = np.int32(np.int32(np.float64(np.float32(share)) * 255.0) + turn) & np.int32(255)
        saturation = np.int32(np.float64(np.float32(spread) / np.float32(max(most, np.int32(1)))) * 255.0)
        place = np.float64(hue) * 6.0 / 255.0
        sector = np.int32(place)
        part = np.float64(np.float32(place - np.float64(sector)))
        weight, bright = np.float64(np.float32(np.float64(saturation) / 255.0)), np.float64(most)
        low = np.int32(bright * (1.0 - weight) + 0.5)
        falling = np.int32(bright * (1.0 - weight * part) + 0.5)
        rising = np.int32(bright * (1.0 - weight * (1.0 - part)) + 0.5)
        sector = np.int32(0) if sector == 6 else sector
        reds[i] = most if (sector == 0) | (sector == 5) else falling if sector == 1 else rising if sector == 4 else low
        greens[i] = (
            most if (sector == 1) | (sector == 2) else falling if sector == 3 else rising if sector == 0 else low
        )
        blues[i] = most if (sector == 3) | (sector == 4) else falling if sector == 5 else rising if sector == 2 else low


@_compiled
def gradient_histograms(pixels: Any, weights: Any, nbins: int, pool: int) -> Any:
    """For each cell of `pool` pixels and each colour, weighted lengths of gradients by direction: `(3, h, w, nbins)`.

    Directions are of half a turn, and go from down to across; `weights` is `(H, W)`. The border is mirrored.
    """
    height, width = pixels.shape[:2]
    cells = np.zeros((3, height // pool, width // pool, nbins))
    sines = np.sin(np.arange(1, nbins) * (math.pi / nbins))
    cosines = np.cos(np.arange(1, nbins) * (math.pi / nbins))
    for y in range(height):
        above, below = abs(y - 1), y + 1 if y + 1 < height else height - 2
        for x in range(width):
            left, right = abs(x - 1), x + 1 if x + 1 < width else width - 2
            for c in range(3):
                a, b, d, e = pixels[above, left, c], pixels[above, x, c], pixels[above, right, c], pixels[y, left, c]
                f, g, h, i = pixels[y, right, c], pixels[below, left, c], pixels[below, x, c], pixels[below, right, c]
                across = np.int32(a) - d + 2 * (np.int32(e) - f) + np.int32(g) - i
                down = np.int32(a) - g + 2 * (np.int32(b) - h) + np.int32(d) - i
                length = math.sqrt(across * across + down * down) * weights[y, x]
                if across < 0 or (across == 0 and down < 0):
                    across, down = -across, -down
                turn = 0
                for k in range(nbins - 1):
                    turn += across * cosines[k] >= down * sines[k]
                cells[c, y // pool, x // pool, turn] += length
    return cells
