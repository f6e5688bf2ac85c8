"""How each of torchvision's transforms moves pixels, and what it drew: both versions of `torchvision.transforms`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from selfscope.data.picturing import Normalisation
from selfscope.data.trace import Trace

Size = tuple[int, int]
"""`(width, height)`."""
STILL = frozenset(
    "ToTensor PILToTensor ToPILImage ToImage ToPureTensor ToDtype ConvertImageDtype ConvertImageDType Normalize RGB "
    "ColorJitter Grayscale RandomGrayscale GaussianBlur RandomSolarize RandomPosterize RandomInvert RandomEqualize "
    "RandomAdjustSharpness RandomAutocontrast RandomErasing RandomPhotometricDistort RandomChannelPermutation "
    "GaussianNoise JPEG ClampBoundingBoxes SanitizeBoundingBoxes LinearTransformation Identity".split()
)
"""Classes that leave every pixel where it is."""
WHOLE = frozenset(("Resize", "RandomResize", "RandomShortestSize", "Scale"))
"""Classes that bring the whole image to another size."""
CONTAINERS = frozenset(("Compose", "RandomApply", "RandomChoice", "RandomOrder", "Lambda", "AutoAugment"))
DRAWING = frozenset(("RandomResizedCrop", "RandomCrop", "ColorJitter", "GaussianBlur"))
"""Classes whose parameters are drawn first of all when they are called."""
DRAWN = {
    "brightness_factor": "brightness",
    "contrast_factor": "contrast",
    "saturation_factor": "saturation",
    "hue_factor": "hue",
}
FLIPPED = {"RandomHorizontalFlip": "horizontal", "RandomVerticalFlip": "vertical"}
Move = Callable[[Trace, Mapping[str, Any], Size, Size], Trace]


def is_container(transform: Any) -> bool:
    """Whether what moves pixels are the transforms inside it."""
    return type(transform).__name__ in CONTAINERS


def normalisation_of(transform: Any) -> Normalisation | None:
    """Mean and std of an object that is called Normalize, whoever's it is."""
    if type(transform).__name__ != "Normalize":
        return None
    mean, std = getattr(transform, "mean", None), getattr(transform, "std", None)
    if mean is None or std is None:
        return None
    return Normalisation(_numbers(mean), _numbers(std))


def moved_by(transform: Any, image: Any, trace: Trace, before: Size, after: Size, state: torch.Tensor | None) -> Trace:
    """The trace after a transform of torchvision's that changed the image; `state` is the generator's before it.

    Classes that are no modules (ToTensor) have no state, and draw nothing.
    """
    name = type(transform).__name__
    params = _redrawn(transform, image, before, state)
    trace = trace.step(name, **_told(name, params, transform))
    if name in STILL:
        return trace
    if name in WHOLE:
        return trace.resized(before, after)
    return _MOVES[name](trace, params, before, after) if name in _MOVES else trace.lost()


def _redrawn(transform: Any, image: Any, before: Size, state: torch.Tensor | None) -> dict[str, Any]:
    """What the transform drew, from its own code and the generator's state before it; the generator is put back."""
    kind, (width, height) = type(transform).__name__, before
    if kind not in DRAWING or state is None:
        return {"padding": getattr(transform, "padding", None)}
    now = torch.get_rng_state()
    try:
        torch.set_rng_state(state)
        if hasattr(transform, "make_params"):
            return dict(transform.make_params([image]))
        if kind == "RandomResizedCrop":
            top, left, h, w = transform.get_params(image, transform.scale, transform.ratio)
            return {"top": top, "left": left, "height": h, "width": w}
        if kind == "RandomCrop":
            return _padded_crop(transform, width, height)
        if kind == "ColorJitter":
            jitter = (transform.brightness, transform.contrast, transform.saturation, transform.hue)
            _, *factors = transform.get_params(*jitter)
            return dict(zip(DRAWN, factors, strict=True))
        return {"sigma": transform.get_params(transform.sigma[0], transform.sigma[1])}
    finally:
        torch.set_rng_state(now)


def _padded_crop(transform: Any, width: int, height: int) -> dict[str, Any]:
    """Version 1 pads before it draws: by `padding`, then by all that is missing on both sides."""
    left, top, right, bottom = _borders(transform.padding)
    width, height = width + left + right, height + top + bottom
    h, w = transform.size
    if transform.pad_if_needed and width < w:
        left, width = left + w - width, 2 * w - width
    if transform.pad_if_needed and height < h:
        top, height = top + h - height, 2 * h - height
    y, x, _, _ = transform.get_params(torch.empty(1).expand(1, height, width), transform.size)
    return {"left": x, "top": y, "padding": [left, top, 0, 0]}


def _resized_crop(trace: Trace, params: Mapping[str, Any], before: Size, after: Size) -> Trace:
    box = (int(params["width"]), int(params["height"]))
    return trace.cropped(params["left"], params["top"]).resized(box, after)


def _crop(trace: Trace, params: Mapping[str, Any], before: Size, after: Size) -> Trace:
    left, top, *_ = params.get("padding") or (0, 0, 0, 0)
    return trace.cropped(params["left"] - left, params["top"] - top)


def _centre_crop(trace: Trace, params: Mapping[str, Any], before: Size, after: Size) -> Trace:
    """Padded where it is too small, by the smaller half at the left and top; then cut at the rounded middle."""
    (x, left), (y, top) = (_middle(have, want) for have, want in zip(before, after, strict=True))
    return trace.cropped(x - left, y - top)


def _middle(have: int, want: int) -> tuple[int, int]:
    before, after = max(0, (want - have) // 2), max(0, (want - have + 1) // 2)
    return round((have + before + after - want) / 2.0), before


def _pad(trace: Trace, params: Mapping[str, Any], before: Size, after: Size) -> Trace:
    left, top, _, _ = _borders(params.get("padding"))
    return trace.cropped(-left, -top)


def _flip(horizontal: bool) -> Move:
    def flip(trace: Trace, params: Mapping[str, Any], before: Size, after: Size) -> Trace:
        return trace.mirrored(*before, horizontal=horizontal, vertical=not horizontal)

    return flip


_MOVES: dict[str, Move] = {
    "RandomResizedCrop": _resized_crop,
    "RandomCrop": _crop,
    "CenterCrop": _centre_crop,
    "Pad": _pad,
    "RandomHorizontalFlip": _flip(True),
    "RandomVerticalFlip": _flip(False),
}


def _told(name: str, params: Mapping[str, Any], transform: Any) -> dict[str, Any]:
    """What of the parameters a person wants to read."""
    if name == "RandomResizedCrop":
        return {"x": params["left"], "y": params["top"], "w": params["width"], "h": params["height"]}
    if name in FLIPPED:  # without a change there would be no new image, and no step
        return {"direction": FLIPPED[name]}
    if name == "RandomGrayscale":
        return {"applied": True}
    if name == "RandomSolarize":
        return {"applied": True, "threshold": transform.threshold}
    if name == "Normalize":
        return {"mean": _numbers(transform.mean), "std": _numbers(transform.std)}
    told = {DRAWN[key]: float(value) for key, value in params.items() if key in DRAWN and value is not None}
    sigma = params.get("sigma") if name == "GaussianBlur" else None
    if sigma is not None:
        told["sigma"] = float(sigma[0] if isinstance(sigma, Sequence) else sigma)
    return told


def _borders(padding: Any) -> tuple[int, int, int, int]:
    """`left, top, right, bottom` from one, two or four numbers, or None."""
    if padding is None:
        return 0, 0, 0, 0
    sides = [int(side) for side in padding] if isinstance(padding, Sequence) else [int(padding)]
    left, top, right, bottom = sides * (4 // len(sides))
    return left, top, right, bottom


def _numbers(values: Any) -> tuple[float, ...]:
    listed = values.tolist() if hasattr(values, "tolist") else values
    return tuple(float(v) for v in (listed if isinstance(listed, Sequence) else [listed]))
