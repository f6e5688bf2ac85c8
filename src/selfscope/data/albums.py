"""albumentations: called by its own rules, seeded through its own generator, followed by what it says it applied."""

from __future__ import annotations

import copy
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from selfscope.data.moves import normalisation_of
from selfscope.data.trace import Trace
from selfscope.data.watching import History, Watch, looks_alike, size_of

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
        return self.made(int(rng.integers(2**31)), image=np.array(image))

    def made(self, seed: int, **data: Any) -> Any:
        """What the transform makes of `data`, its generator begun at `seed`."""
        if hasattr(self._transform, "set_random_seed"):
            self._transform.set_random_seed(seed)
        made = self._transform(**data)
        applied = made.pop("applied_transforms", None)
        self._applied = None if applied is None else [(name, params) for name, params in applied]
        return made

    def trace(self, original: Size, view: Size, before: Trace | None = None) -> Trace:
        """The trace of what was made last, after `before`; lost where a transform moved pixels without saying how."""
        trace = Trace(*original) if before is None else before
        if self._applied is None:
            return trace.lost()
        sizes: list[Size | None] = [_size(params) for _, params in self._applied]
        for (name, params), size, after in zip(self._applied, sizes, [*sizes[1:], view], strict=True):
            trace = _moved(trace, name, params, size, after)
        return trace


_ALBUMS: WeakKeyDictionary[Any, Album] = WeakKeyDictionary()
"""Copies of pipelines that are called inside other people's functions; theirs keep their generators."""


@contextmanager
def followed(watch: Watch, rng: np.random.Generator) -> Iterator[None]:
    """Lets `watch` see albumentations' pipelines that this thread calls, inside whatever function.

    They draw from generators that are seeded by `rng`, so that they come out the same for the same seed.
    """
    library = sys.modules.get("albumentations")
    if library is None:
        yield
        return
    thread, called = threading.get_ident(), library.Compose.__call__
    inside = False

    def call(self: Any, *args: Any, **data: Any) -> Any:
        nonlocal inside
        if inside or args or "image" not in data or threading.get_ident() != thread:
            return called(self, *args, **data)
        inside = True
        try:
            if self not in _ALBUMS:
                _ALBUMS[self] = Album(copy.deepcopy(self))
            made = _ALBUMS[self].made(int(rng.integers(2**31)), **data)
        finally:
            inside = False
        _remember(watch, self, _ALBUMS[self], data["image"], made["image"])
        return made

    library.Compose.__call__ = call
    try:
        yield
    finally:
        library.Compose.__call__ = called


def _remember(watch: Watch, transform: Any, album: Album, given: Any, made: Any) -> None:
    """Adds the history of what was made: after that of the image given, or of the first one when it is that."""
    if watch.root is None:
        watch.begin(given)
    before, root = watch.of(given), watch.root
    if before is None and root is not None and _same(root, given):
        before = watch.of(root)
    kinds = [normalisation_of(step) for step in getattr(transform, "transforms", ())]
    known = [kind for kind in kinds if kind is not None]
    watch.normalisations |= set(known)
    if before is not None:
        trace = album.trace(size_of(before.image), size_of(made), before.trace)
        normalisation = known[-1] if known else before.normalisation
        watch.histories[id(made)] = History(made, before.root, trace, normalisation)


def _same(image: Any, other: Any) -> bool:
    """Whether both show the same in the same places: also as an array of a Pillow image, or in other colours."""
    return size_of(image) == size_of(other) and (np.array_equal(image, other) or looks_alike(image, other))


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
