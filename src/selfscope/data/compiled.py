"""Compiled loops in place of Pillow's and numpy's, with the same bytes, once a process has enough to do with them.

Loading them takes about half a second, and some seconds where they were never compiled before: more than twenty photos
cost without them, and little beside a thousand. So they are loaded when a process has worked on `PAYS_AFTER` pixels.
"""

from __future__ import annotations

import logging
import platform
import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from selfscope.data.layout import contiguous

log = logging.getLogger(__name__)
PAYS_AFTER = 30_000_000
"""Pixels; the loops save about 20 ns on each."""
MACHINES = ("x86_64", "amd64")
"""Elsewhere Pillow's own compiler may have joined products and sums, which rounds differently in rare pixels."""
SUPPORTS = {"bilinear": 1, "bicubic": 2, "lanczos": 3}
"""Pillow's filters that there is a loop for, by their reach in pixels."""
PASSES = 3
"""Pillow makes a Gaussian of so many boxes."""


class Loops:
    """The loops, by what they do to `(H, W, 3)` uint8; new arrays come out."""

    def __init__(self) -> None:
        from selfscope.data import kernels

        self._kernels = kernels

    def resized(self, pixels: np.ndarray, size: tuple[int, int], interpolation: str) -> np.ndarray:
        """As Pillow's `resize`; `size` is `(w, h)`."""
        support, (height, width) = SUPPORTS[interpolation], pixels.shape[:2]
        made = _given(pixels)
        if size[0] != width:
            made = self._kernels.resampled_across(made, *self._kernels.filter_taps(width, size[0], support))
        if size[1] != height:
            made = self._kernels.resampled_down(_given(made), *self._kernels.filter_taps(height, size[1], support))
        return made

    def bilinear(self, pixels: np.ndarray, columns: Any, rows: Any) -> np.ndarray:
        """As OpenCV's, from neighbours and weights `(n, 2)` of new columns and rows."""
        return self._kernels.bilinear(_given(pixels), *columns, *rows)

    def weighted(self, pixels: np.ndarray, columns: Any, rows: Any) -> np.ndarray:
        """From neighbours and float32 weights `(n, k)` of new columns and rows; rounded once, at the end."""
        made = self._kernels.weighted_down(self._kernels.weighted_across(_given(pixels), *columns), *rows)
        return made.reshape(len(made), -1, 3)

    def blurred(self, pixels: np.ndarray, sigma: float) -> np.ndarray:
        """As Pillow's GaussianBlur."""
        radius = _box_radius(sigma)
        if radius == 0:
            return pixels
        whole = int(radius)
        near = int(np.float32(1 << 24) / (radius * np.float32(2) + np.float32(1)))
        far = ((1 << 24) - (2 * whole + 1) * near) // 2
        return self._kernels.box_blurred(_given(pixels), whole, (near, far), PASSES)

    def gradient_histograms(self, pixels: np.ndarray, weights: np.ndarray, nbins: int, pool: int) -> np.ndarray:
        """Lengths of gradients by direction, `(3, H / pool, W / pool, nbins)`; see `views.derived.hog_cells`."""
        return self._kernels.gradient_histograms(_given(pixels), weights, nbins, pool)

    def jittered(self, pixels: np.ndarray, factors: Iterable[tuple[str, float]]) -> np.ndarray:
        """As Pillow's enhancers and its HSV, one after the other."""
        made = np.array(pixels, order="C")
        colours = made.reshape(-1, 3)
        for name, factor in factors:
            if name == "hue":
                self._kernels.turn_hue(colours, int(factor * 255) % 256)
            elif name == "saturation":
                self._kernels.saturate(colours, np.float32(factor))
            else:
                ground = self._kernels.mean_grey(colours) if name == "contrast" else 0
                self._kernels.blend_with(colours, ground, np.float32(factor))
        return made


class Account:
    """What a process has worked on, and the loops once it is enough."""

    def __init__(self) -> None:
        self._pixels, self._lock = 0, threading.Lock()
        self._known = False
        self._loops: Loops | None = None

    def loops(self, pixels: int) -> Loops | None:
        """The loops for work on so many pixels; None before it pays, and where they would make other bytes."""
        if self._known:
            return self._loops
        self._pixels += pixels  # threads may lose a count here, which does no harm
        return self.load() if self._pixels >= PAYS_AFTER else None

    def load(self) -> Loops | None:
        """The loops at once."""
        with self._lock:
            if not self._known:
                self._loops = _checked(Loops()) if platform.machine().lower() in MACHINES else None
                self._known = True
        return self._loops


ACCOUNT = Account()
"""This process's."""


def loops(pixels: int) -> Loops | None:
    """As `Account.loops`, of this process."""
    return ACCOUNT.loops(pixels)


def _checked(made: Loops) -> Loops | None:
    """The loops when they make what the installed Pillow makes."""
    wrong = [name for name, own, theirs in _compared(made) if not np.array_equal(own, theirs)]
    if wrong:
        log.info("compiled loops are not used: %s differs from Pillow %s", ", ".join(wrong), Image.__version__)
    return None if wrong else made


def _compared(made: Loops) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Every door's result beside Pillow's, on a small picture of all kinds of colours."""
    from selfscope.data.colour import JITTERS, jittered_by_pillow
    from selfscope.data.resample import PILLOW_FILTERS

    pixels = np.random.default_rng(0).integers(0, 256, (61, 47, 3), np.uint8)
    pixels[:20] //= 32
    pixels[20:30] |= 224
    image = Image.fromarray(pixels)
    for name in SUPPORTS:
        for size in ((31, 90), (70, 22)):
            yield name, made.resized(pixels, size, name), np.asarray(image.resize(size, PILLOW_FILTERS[name]))
    for sigma in (0.3, 1.9):
        blurred = np.asarray(image.filter(ImageFilter.GaussianBlur(sigma)))
        yield "blur", made.blurred(pixels, sigma), blurred
    for name in JITTERS:
        for factor in (-0.09, 0.4) if name == "hue" else (0.6, 1.4):
            steps: Sequence[tuple[str, float]] = ((name, factor),)
            yield name, made.jittered(pixels, steps), jittered_by_pillow(pixels, steps)


def _box_radius(sigma: float) -> np.float32:
    """The radius of the boxes that make a Gaussian of `sigma`, to Pillow's 32 bits. (Gwosdek et al. 2011)"""
    one, two, three, six = (np.float32(value) for value in (1, 2, 3, 6))
    variance = np.float32(sigma) * np.float32(sigma) / np.float32(PASSES)
    length = np.float32(np.sqrt(12.0 * float(variance) + 1.0))
    whole = np.float32(np.floor((length - one) / two))
    part = (two * whole + one) * (whole * (whole + one) - three * variance)
    return np.float32(whole + part / (six * (variance - (whole + one) * (whole + one))))


def _given(pixels: np.ndarray) -> np.ndarray:
    """Contiguous and read-only, so that one compiled form serves all."""
    view = contiguous(pixels).view()
    view.flags.writeable = False
    return view
