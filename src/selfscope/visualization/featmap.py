"""Feature maps as heat maps, alone or over the image that they were made from."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from selfscope.draw.colour import colormap
from selfscope.draw.compose import as_picture, grid, resize
from selfscope.draw.picture import to_numpy
from selfscope.draw.text import label
from selfscope.errors import UsageError, nearest

REDUCTIONS = ("squeeze_mean", "select_max")


def featmap_picture(
    featmap: Any,
    overlaid_image: Any = None,
    channel_reduction: str | None = "squeeze_mean",
    topk: int = 20,
    arrangement: tuple[int, int] = (4, 5),
    resize_shape: tuple[int, int] | None = None,
    alpha: float = 0.5,
) -> np.ndarray:
    """See `Visualizer.draw_featmap`. Each heat map runs from its own smallest to its own largest value.

    Without `resize_shape` (height, width) a map takes the size of the image, by bilinear interpolation.
    """
    maps = to_numpy(featmap).astype(np.float32)
    if maps.ndim != 3:
        raise UsageError(f"featmap: expected (C, H, W), got {maps.shape}")
    image = None if overlaid_image is None else as_picture(overlaid_image, key="overlaid_image")
    size = resize_shape or (image.shape[:2] if image is not None else maps.shape[1:])
    if image is not None:
        image = resize(image, (int(size[0]), int(size[1])))
    if channel_reduction is None:
        return _channels(maps, image, topk, arrangement, size, alpha)
    if channel_reduction not in REDUCTIONS:
        hint = nearest(channel_reduction, REDUCTIONS)
        raise UsageError(
            f"channel_reduction: expected {' or '.join(REDUCTIONS)} or None, got {channel_reduction!r}.{hint}"
        )
    one = maps.mean(0) if channel_reduction == "squeeze_mean" else maps[maps.sum((1, 2)).argmax()]
    return _over(colormap(_scaled(one, size)), image, alpha)


def _channels(
    maps: np.ndarray,
    image: np.ndarray | None,
    topk: int,
    arrangement: tuple[int, int],
    size: tuple[int, ...],
    alpha: float,
) -> np.ndarray:
    if topk <= 0:
        if len(maps) not in (1, 3):
            raise UsageError(f"topk: channels can be shown as they are when there are 1 or 3, got {len(maps)}")
        planes = np.stack([_stretched(_scaled(plane, size)) for plane in maps], axis=-1)
        return _over(colormap(planes[..., 0]) if len(maps) == 1 else as_picture(planes), image, alpha)
    rows, columns = arrangement
    if rows * columns < topk:
        raise UsageError(f"arrangement: {rows} x {columns} has no room for {topk} channels")
    order = np.argsort(-maps.sum((1, 2)), kind="stable")[:topk]
    cells = [_over(colormap(_scaled(maps[channel], size)), image, alpha) for channel in order]
    named = [label(cell, f"channel {channel}") for cell, channel in zip(cells, order, strict=True)]
    return grid(named, columns=columns, gap=2)


def _scaled(plane: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Bilinear, pixel centres at half integers."""
    if plane.shape == tuple(size):
        return plane
    resized = Image.fromarray(plane).resize((int(size[1]), int(size[0])), Image.Resampling.BILINEAR)
    return np.asarray(resized, np.float32)


def _stretched(plane: np.ndarray) -> np.ndarray:
    low, high = plane.min(), plane.max()
    return (plane - low) / max(float(high - low), 1e-12)


def _over(heat: np.ndarray, image: np.ndarray | None, alpha: float) -> np.ndarray:
    if image is None:
        return heat
    mixed = heat.astype(np.float32) * alpha + image.astype(np.float32) * (1 - alpha)
    return np.rint(mixed).astype(np.uint8)
