"""What a transform drew, said twice: as columns of a table, and as words under a picture.

Transforms keep what they drew as a `records.Step`. The parameters of ours have names and words of their own here; those
of any other transform appear as `<Transform>.<parameter>`, with their values as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from selfscope.records import Step

COLUMNS = {
    "ColorJitter": {
        "brightness": "brightness",
        "contrast": "contrast",
        "saturation": "saturation",
        "hue": "hue",
        "order": "jitter_order",
    },
    "RandomGrayscale": {"applied": "grayscale"},
    "RandomGaussianBlur": {"applied": "blur", "sigma": "blur_sigma"},
    "RandomSolarize": {"applied": "solarize"},
    "RandomRotation": {"degrees": "rotation"},
    "RotationWithLabels": {"degrees": "rotation"},
}
"""Name of the column of each parameter, by transform."""
MASKS = ("RandomPatchMask", "SimMIMMaskGenerator", "BEiTMaskGenerator", "ModelMask")
"""Steps that draw a mask and leave the image as it is; `ModelMask` is the model's own."""
CROPS = (
    "RandomResizedCrop",
    "MAERandomResizedCrop",
    "RandomResizedCropAndInterpolationWithTwoPic",
    "RandomCrop",
    "CenterCrop",
    "RandomPatchWithLabels",
)
COLUMNS |= {name: {part: f"mask_{part}" for part in ("patches", "removed", "blocks")} for name in MASKS}
_GREY = ("RandomGrayscale", "Grayscale", "ToGray")
"""Ours, torchvision's and albumentations'; theirs are steps only where they were applied."""
SHOWN = "shown"
"""The step after the last: how the values of somebody else's transform became a picture."""
_MANY_BLOCKS = 8
"""More rectangles than this are counted, not listed."""


def columns(steps: Iterable[Step]) -> dict[str, Any]:
    """Every sampled parameter of one view by the name of its column; a name that returns gets `#2`, `#3`, …."""
    found: dict[str, Any] = {}
    times: dict[str, int] = {}
    for step in steps:
        known = COLUMNS.get(step.name, {})
        times[step.name] = times.get(step.name, 0) + 1
        for name, value in step.params.items():
            label = known.get(name, f"{step.name}.{name}")
            found[label if times[step.name] == 1 else f"{label}#{times[step.name]}"] = value
    return found


def words(step: Step) -> str:
    """What the step drew, in words that any font has; an empty string for one that drew nothing."""
    say = _WORDS.get(step.name)
    if say is not None:
        return say(step.params)
    if step.name in CROPS:
        return f"{size_words(step.params['w'], step.params['h'])} at {step.params['x']}, {step.params['y']}"
    return ", ".join(f"{name} {_plain(value)}" for name, value in step.params.items())


def changes(steps: Iterable[Step]) -> list[str]:
    """What happened to one view's colours and sharpness, as short phrases in order: for captions of small pictures."""
    return [phrase for step in steps if (phrase := _short(step))]


def size_words(width: float, height: float) -> str:
    return f"{width:.5g} x {height:.5g} px"


def mask_words(params: Mapping[str, Any]) -> str:
    """`75 of 196 patches in 5 overlapping blocks: 4x5, 3x6, …`; blocks are high x wide, in patches."""
    said = f"{params['removed']} of {params['patches']} patches"
    blocks = [tuple(block) for block in params.get("blocks", ())]
    if not blocks:
        return said
    shapes = [f"{h}x{w}" for h, w in blocks]
    if len(blocks) == 1:
        return f"{said} in a block of {shapes[0]}"
    if len(set(blocks)) == 1:
        return f"{said} in {len(blocks)} blocks of {shapes[0]}"
    listed = (
        ", ".join(shapes) if len(blocks) <= _MANY_BLOCKS else f"{min(shapes, key=_area)} to {max(shapes, key=_area)}"
    )
    return f"{said} in {len(blocks)} overlapping blocks: {listed}"


def _area(shape: str) -> int:
    h, w = shape.split("x")
    return int(h) * int(w)


def _jitter(params: Mapping[str, Any]) -> str:
    said = {name: f"{name} {params[name]:.2f}" for name in ("brightness", "contrast", "saturation") if name in params}
    if "hue" in params:
        said["hue"] = f"hue {360 * params['hue']:+.0f}°"
    order = [name for name in params.get("order", ()) if name in said]
    return ", ".join(said[name] for name in [*order, *(name for name in said if name not in order)])


def _flip(params: Mapping[str, Any]) -> str:
    direction = params.get("direction")
    return "not flipped" if direction is None else f"flipped, {direction}"


def _switch(done: str, otherwise: str = "not applied") -> Callable[[Mapping[str, Any]], str]:
    return lambda params: done if params.get("applied") else otherwise


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    if isinstance(value, (tuple, list)):
        return " ".join(_plain(item) for item in value)
    return str(value)


def _resized(params: Mapping[str, Any]) -> str:
    return f"to {size_words(params['w'], params['h'])}"


def _rule(params: Mapping[str, Any]) -> str:
    """How values became a picture, and how many of them were beyond black and white."""
    beyond = params.get("beyond", 0.0)
    parts = [str(params.get("rule", "")), f"{100 * beyond:.2g} % beyond black and white" if beyond else ""]
    return ", ".join(part for part in parts if part)


_WORDS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "Resize": _resized,
    "ResizeEdge": _resized,
    "RandomFlip": _flip,
    "RandomHorizontalFlip": _flip,
    "RandomVerticalFlip": _flip,
    "RandomRotation": lambda params: f"{params['degrees']:.1f}° clockwise",
    "RotationWithLabels": lambda params: f"{params['degrees']:g}° clockwise",
    "ColorJitter": _jitter,
    "RandomGrayscale": _switch("grey"),
    "RandomGaussianBlur": lambda params: f"sigma {params['sigma']:.2f} px" if params.get("applied") else "not applied",
    "GaussianBlur": lambda params: ", ".join(
        f"sigma {value:.2f} px" if name == "sigma" and isinstance(value, float) else f"{name} {_plain(value)}"
        for name, value in params.items()
    ),
    "RandomSolarize": _switch("bright values inverted"),
    "RandomApply": _switch("applied", "left out"),
    "RandomChoice": lambda params: f"number {params['chosen'] + 1}",
    SHOWN: _rule,
    **dict.fromkeys(MASKS, mask_words),
}


def _short(step: Step) -> str:
    """One phrase for a caption; places, sizes and flips are told from the view itself."""
    params = step.params
    if step.name == "ColorJitter":
        return _jitter({name: value for name, value in params.items() if name != "order"})
    if step.name == "RandomRotation":
        return f"turned {params['degrees']:.1f}°"
    if step.name in _GREY:
        return "grey" if params.get("applied", True) else ""
    if "solari" in step.name.lower():
        return "solarised" if params.get("applied", True) else ""
    if "blur" in step.name.lower() and params.get("applied", True):
        sigma = params.get("sigma")
        return f"blur {sigma:.2f} px" if isinstance(sigma, (int, float)) else "blurred"
    return ""
