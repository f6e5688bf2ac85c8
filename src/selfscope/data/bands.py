"""Pictures of images with other than three channels: which bands are red, green and blue, and what is black and white.

A rule is always said beside the picture. Bands are counted from 1, as in GDAL and QGIS.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.errors import DataError, MissingExtraError, UsageError, nearest

PERCENTILES = (2.0, 98.0)
ARRAY_SUFFIXES = (".npy",)
TIFF_SUFFIXES = (".tif", ".tiff")
GDAL_METADATA = 42112
_DESCRIBED = re.compile(r'<Item name="DESCRIPTION" sample="(\d+)"[^>]*>([^<]*)</Item>')


@dataclass(frozen=True)
class Bands:
    """One band as grey, or three as red, green and blue.

    `span` is what black and white stand for; without it bytes are shown as they are, and anything else is stretched
    in each band from its 2nd to its 98th percentile, image by image: good to look at, not to compare.
    """

    chosen: tuple[int | str, ...]
    """Numbers from 1, or names that the file gives its bands."""
    span: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if len(self.chosen) not in (1, 3):
            raise UsageError(
                f"bands: expected one (grey) or three (red, green, blue) of them, got {len(self.chosen)}: "
                f"{','.join(map(str, self.chosen))}"
            )
        if any(isinstance(band, int) and band < 1 for band in self.chosen):
            raise UsageError(f"bands: they are counted from 1, got {','.join(map(str, self.chosen))}")
        if self.span is not None and not self.span[0] < self.span[1]:
            raise UsageError(f"bands: expected a range (black, white) that rises, got {self.span}")

    def picture(self, values: np.ndarray, names: Sequence[str] = ()) -> np.ndarray:
        """`(H, W, 3)` uint8 of values `(H, W, C)`; not-a-number is black."""
        places = self._places(values.shape[2], names)
        planes = [self._plane(values[..., place]) for place in places]
        return np.ascontiguousarray(np.stack(planes if len(planes) == 3 else planes * 3, axis=2))

    def rule(self, values: np.ndarray) -> str:
        """What stands beside the picture."""
        listed = ", ".join(str(band) for band in self.chosen)
        which = f"band {listed} as grey" if len(self.chosen) == 1 else f"bands {listed} as red, green, blue"
        if self.span is not None:
            return f"{which}, {self.span[0]:g}..{self.span[1]:g}"
        low, high = PERCENTILES
        return which if values.dtype == np.uint8 else f"{which}, each from its {low:g}nd to {high:g}th percentile"

    def _places(self, channels: int, names: Sequence[str]) -> list[int]:
        places = []
        for band in self.chosen:
            if isinstance(band, str) and band not in names:
                has = f"has {', '.join(names)}" if names else "does not name its bands: give numbers"
                raise DataError(f"no band {band!r}: the image {has}.{nearest(band, names)}")
            place = names.index(band) if isinstance(band, str) else band - 1
            if place >= channels:
                raise DataError(f"no band {band}: the image has {channels}")
            places.append(place)
        return places

    def _plane(self, values: np.ndarray) -> np.ndarray:
        if self.span is None and values.dtype == np.uint8:
            return values
        values = values.astype(np.float64)
        finite = np.isfinite(values)
        if not finite.any():
            return np.zeros(values.shape, np.uint8)
        low, high = np.percentile(values[finite], PERCENTILES) if self.span is None else self.span
        scaled = (np.where(finite, values, low) - low) * (255 / max(high - low, 1e-300))
        return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)


def parse_bands(text: str | Sequence[int | str] | Bands | None, span: Sequence[float] | None = None) -> Bands | None:
    """`"4,3,2"`, `"red"`, `(4, 3, 2)` or None; `span` is what black and white stand for."""
    if isinstance(text, Bands) or (text is None and span is None):
        return text
    if text is None:
        raise UsageError("a range for bands needs bands: --bands 3,2,1")
    parts = [part.strip() for part in text.split(",")] if isinstance(text, str) else list(text)
    chosen = tuple(int(part) if isinstance(part, int) or part.isdecimal() else part for part in parts)
    return Bands(chosen, None if span is None else (float(span[0]), float(span[1])))


def read_bands(path: str | os.PathLike[str], bands: Bands) -> tuple[np.ndarray, str]:
    """The picture of a file with any number of bands, and the rule to say: TIFF, `.npy`, or what Pillow opens."""
    name = os.fspath(path)
    try:
        values, names = _values(name)
        if values.ndim == 2:
            values = values[..., None]
        if values.ndim != 3 or 0 in values.shape or values.dtype.kind not in "biuf":
            raise DataError(f"expected numbers (H, W) or (H, W, C), got {values.dtype} {values.shape}")
        return bands.picture(values, names), bands.rule(values)
    except (DataError, MissingExtraError) as error:
        if isinstance(error, MissingExtraError):
            raise
        raise DataError(f"{name}: {error}") from error


def _values(name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """`(H, W, C)` values and the names of the bands, when the file has any."""
    suffix = os.path.splitext(name)[1].lower()
    if suffix in ARRAY_SUFFIXES:
        return _channels_last(_loaded_array(name)), ()
    if suffix in TIFF_SUFFIXES:
        return _tiff(name)
    from PIL import Image

    from selfscope.data.picture import FORMATS, reason

    try:
        with Image.open(name, formats=FORMATS) as image:
            return np.asarray(image), tuple(image.getbands())
    except Exception as error:  # Pillow's decoders raise nearly anything on corrupt bytes
        raise DataError(reason(name, error)) from error


def _loaded_array(name: str) -> np.ndarray:
    try:
        return np.load(name, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"is not an array in NumPy's format ({' '.join(str(error).split()):.120})") from error


def _tiff(name: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Through tifffile: Pillow refuses most TIFFs of more than four bands or of 16 bits a band."""
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("tifffile", "bands", "reading the bands of a TIFF") from error
    try:
        with tifffile.TiffFile(name) as file:
            series = file.series[0]
            first: Any = file.pages[0]
            tag = first.tags.get(GDAL_METADATA)
            described = "" if tag is None else str(tag.value)
            values, axes = series.asarray(), series.axes
    except Exception as error:  # as above
        raise DataError(f"is no TIFF that can be read ({' '.join(str(error).split()):.120})") from error
    if values.ndim == 3 and axes.index("X") == 2:
        values = values.transpose(1, 2, 0)  # bands are pages or planes: (C, H, W) -> (H, W, C)
    named = {int(place): text for place, text in _DESCRIBED.findall(described)}
    return values, tuple(named.get(i, str(i + 1)) for i in range(values.shape[-1])) if named else ()


def _channels_last(values: np.ndarray) -> np.ndarray:
    """Arrays hold their channels first or last: the axis that is shorter than the other two."""
    first: Any = values.ndim == 3 and values.shape[0] < min(values.shape[1:])
    return values.transpose(1, 2, 0) if first else values
