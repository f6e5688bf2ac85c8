"""Pictures of whatever a transform gives: Pillow images, arrays, tensors, normalised or not, alone or several together.

A picture that is not simply the pixels comes with the rule that made it, so that it can be said beside it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image

from selfscope.data.bands import Bands
from selfscope.data.picture import byte_range, rgb_of
from selfscope.errors import DataError

SLACK = 0.02
"""What interpolation may overshoot black or white by, before it counts as out of range."""
NORMALISED = 5.0
"""No image that was normalised reaches this: what goes further is in 0..255."""
LABEL_KEYS = ("label", "target", "labels", "class", "cls", "fine_label", "gt_label")
MASK_KEYS = ("mask", "bool_masked_pos", "masks")


@dataclass(frozen=True)
class Normalisation:
    """`(value - mean) / std`, a number a channel, of values 0..1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    def undone(self, values: np.ndarray) -> np.ndarray:
        """`(H, W, C)` as it was before."""
        return values * np.asarray(self.std) + np.asarray(self.mean)


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture, and what was done to make one of the values."""

    picture: np.ndarray
    rule: str = ""
    """Empty where the pixels are shown as they are."""
    beyond: float = 0.0
    """The share of values below black, above white, or not finite."""


@dataclass
class Item:
    """What a data set or a transform gave, sorted: images in their order, a mask, a label."""

    images: list[Any] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """What each image is called in a dict; empty elsewhere."""
    mask: np.ndarray | None = None
    label: int | None = None
    others: list[str] = field(default_factory=list)


def is_image(value: Any) -> bool:
    """Whether a value can be one image: a Pillow image, or an array or tensor with two or three axes."""
    if isinstance(value, Image.Image):
        return True
    return isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim in (2, 3) and min(value.shape) > 0


def sorted_item(value: Any) -> Item:
    """Images, mask and label of anything that data sets and transforms return; refuses what holds no image.

    Lists, tuples and dicts are searched in their order, also inside each other; arrays with four axes are several
    images. A whole number is the label. An array of zeros and ones after an image, with fewer pixels than it, is its
    mask, and so is one named `mask`.
    """
    item = Item()
    _sort(value, "", item)
    if not item.images:
        found = ", ".join(item.others[:6]) or type(value).__name__
        raise DataError(f"expected an image (Pillow, array or tensor), alone or in a list, tuple or dict, got {found}")
    return item


def _sort(value: Any, name: str, item: Item) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _sort(inner, str(key), item)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _sort(inner, name, item)
    elif (mask := _as_mask(value, name, item)) is not None:
        item.mask = mask if item.mask is None else item.mask
    elif is_image(value):
        item.images.append(value)
        item.names.append(name)
    elif isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim == 4:
        for part in value:
            _sort(part, name, item)
    elif item.label is None and (name in LABEL_KEYS or not name) and (number := _whole_number(value)) is not None:
        item.label = number
    else:
        item.others.append(f"{name}: {_kind(value)}" if name else _kind(value))


def _as_mask(value: Any, name: str, item: Item) -> np.ndarray | None:
    """`(h, w)` uint8 of an array that is a mask; a flat one of a square grid is laid out."""
    if not isinstance(value, (torch.Tensor, np.ndarray)) or (not item.images and name not in MASK_KEYS):
        return None
    array = _numpy(value)
    side = math.isqrt(array.size)
    if array.ndim == 1 and array.size > 1 and side * side == array.size:
        array = array.reshape(side, side)
    if array.ndim != 2 or array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        return None
    smaller = not item.images or array.size < math.prod(_size(item.images[0]))
    return array.astype(np.uint8) if name in MASK_KEYS or smaller else None


def _size(image: Any) -> tuple[int, int]:
    if isinstance(image, Image.Image):
        return image.height, image.width
    height, width = channels_last(image).shape[:2]
    return height, width


def shown(value: Any, normalisation: Normalisation | None = None, bands: Bands | None = None) -> Shown:
    """One image as `(H, W, 3)` uint8 RGB by the rule that fits it.

    Bytes and Pillow images are shown as they are. Of floats, the normalisation that is known is undone; else 0..1 or
    0..255 is taken for black to white when it holds every value, and what holds neither is stretched from its lowest
    to its highest value. `bands` chooses among more channels than three.
    """
    if isinstance(value, Image.Image):
        if bands is None:
            return Shown(rgb_of(value))
        value = np.asarray(value)
    pixels = channels_last(value)
    if bands is not None:
        return Shown(bands.picture(pixels), bands.rule(pixels))
    channels = pixels.shape[2]
    if normalisation is not None and pixels.dtype.kind == "f" and len(normalisation.mean) in (1, channels):
        made = _undone(pixels.astype(np.float64), normalisation)
    else:
        made = _by_range(pixels)
    if channels in (1, 3):
        return Shown(_three(made.picture), made.rule, made.beyond)
    if channels == 4:
        note = "the first 3 of 4 channels"
        return Shown(made.picture[..., :3].copy(), f"{made.rule}, {note}" if made.rule else note, made.beyond)
    raise DataError(f"an image has {channels} channels: choose one or three of them for the picture by bands (--bands)")


def _undone(values: np.ndarray, normalisation: Normalisation) -> Shown:
    values = normalisation.undone(values)
    beyond = float(np.mean(~((values >= -SLACK) & (values <= 1 + SLACK))))
    mean, std = (", ".join(f"{v:.3g}" for v in part) for part in (normalisation.mean, normalisation.std))
    return Shown(_bytes(values * 255), f"normalisation undone (mean {mean}; std {std})", beyond)


def _by_range(pixels: np.ndarray) -> Shown:
    if pixels.dtype == np.uint8:
        return Shown(pixels)
    if pixels.dtype.kind == "b":
        return Shown(pixels * np.uint8(255))
    if pixels.dtype == np.uint16:
        return Shown((pixels // 256).astype(np.uint8), "the high byte of 16 bits")
    if pixels.dtype.kind != "f":
        return Shown(byte_range(pixels), "the smallest customary range that holds every value")
    values = pixels.astype(np.float64)
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 1.0)
    beyond = float(np.mean(~finite))
    top = 1.0 if high <= 1 + SLACK else 255.0
    if low >= -SLACK and (top == 1 or NORMALISED < high <= top):
        return Shown(_bytes(np.where(finite, values, 0) * (255 / top)), "" if top == 1 else "0..255", beyond)
    scaled = (np.where(finite, values, low) - low) * (255 / max(high - low, 1e-300))
    return Shown(_bytes(scaled), f"no Normalize is known: {low:.3g}..{high:.3g} stretched to black..white", beyond)


def _bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(np.clip(np.nan_to_num(values, nan=0, posinf=255, neginf=0), 0, 255)).astype(np.uint8)


def _three(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels)


def channels_last(value: Any) -> np.ndarray:
    """`(H, W, C)`: tensors hold channels first; so do arrays, when only their first axis can be the channels."""
    array = _numpy(value)
    if array.ndim == 2:
        return array[..., None]
    first = isinstance(value, torch.Tensor) or (array.shape[2] > 4 and array.shape[0] < array.shape[2])
    return array.transpose(1, 2, 0) if first else array


def _numpy(value: Any) -> np.ndarray:
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype in (torch.bfloat16, torch.float16) else value).numpy()
    return np.asarray(value)


def _whole_number(value: Any) -> int | None:
    if isinstance(value, (torch.Tensor, np.ndarray)) and value.ndim == 0:
        value = value.item()
    return int(value) if isinstance(value, (int, np.integer)) and not isinstance(value, bool) else None


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return type(value).__name__ if shape is None else f"{type(value).__name__} {tuple(shape)}"


def leaves(value: Any) -> Iterator[Any]:
    """The images in nested lists, tuples and dicts, in their order."""
    if isinstance(value, Mapping):
        value = tuple(value.values())
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for inner in value:
            yield from leaves(inner)
    elif is_image(value):
        yield value
