"""albumentations: called by its own rules, seeded through its own generator, followed by what it says it applied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from selfscope.data.trace import Trace

RESIZED = frozenset(("Resize", "SmallestMaxSize", "LongestMaxSize", "RandomScale"))
FLIPS = {"HorizontalFlip": (True, False), "VerticalFlip": (False, True)}
Size = tuple[int, int]


class Album:
    """A transform of albumentations on a copy of the user's: `(image=array)` in, `["image"]` out."""

    def __init__(self, transform: Any) -> None:
        self._transform = transform
        self._applied: list[tuple[str, Mapping[str, Any]]] | None = None
        if hasattr(transform, "save_applied_params"):
            transform.save_applied_params = True

    def __call__(self, image: Any, rng: np.random.Generator) -> Any:
        if hasattr(self._transform, "set_random_seed"):
            self._transform.set_random_seed(int(rng.integers(2**31)))
        made = self._transform(image=np.array(image))
        applied = made.pop("applied_transforms", None)
        self._applied = None if applied is None else [(name, params) for name, params in applied]
        return made

    def trace(self, original: Size, view: Size) -> Trace:
        """The trace of what was made last; lost where a transform moved pixels without saying how."""
        trace = Trace(*original)
        if self._applied is None:
            return trace.lost()
        sizes: list[Size | None] = [_size(params) for _, params in self._applied]
        for (name, params), before, after in zip(self._applied, sizes, [*sizes[1:], view], strict=True):
            trace = _moved(trace, name, params, before, after)
        return trace


def _moved(trace: Trace, name: str, params: Mapping[str, Any], before: Size | None, after: Size | None) -> Trace:
    trace = trace.step(name, **_told(params))
    if _is_still(name):
        return trace
    if before is None or after is None:
        return trace.lost()
    crop = params.get("crop_coords")
    if crop is not None and not params.get("pad_params"):
        x0, y0, x1, y1 = (int(v) for v in crop)
        return trace.cropped(x0, y0).resized((x1 - x0, y1 - y0), after)
    if name in FLIPS:
        horizontal, vertical = FLIPS[name]
        return trace.mirrored(*before, horizontal=horizontal, vertical=vertical)
    return trace.resized(before, after) if name in RESIZED else trace.lost()


def _size(params: Mapping[str, Any]) -> Size | None:
    """`(width, height)` of the image that the transform was given, when it says so."""
    shape = params.get("shape")
    return None if shape is None else (int(shape[1]), int(shape[0]))


def _is_still(name: str) -> bool:
    import albumentations

    kind = getattr(albumentations, name, None)
    return name == "ToTensorV2" or (isinstance(kind, type) and issubclass(kind, albumentations.ImageOnlyTransform))


def _told(params: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters that are numbers; arrays and shapes say nothing to a reader."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in params.items()
        if isinstance(value, (int, float, str, bool, np.generic)) and name not in ("cols", "rows")
    }
