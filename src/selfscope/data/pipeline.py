"""Pipelines: a list of transforms from a config, built with skips, run with one generator of random numbers.

A transform here is called as `transform(results, rng)` and returns new results. Transforms written for OpenMMLab,
called as `transform(results)`, work too: they get a copy, with the global generators of Python, NumPy and torch seeded
from `rng`. The image they see is RGB, not BGR. One that keeps the image's size is taken to keep its pixels in place.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from PIL import Image

from selfscope.config.registry import TRANSFORMS
from selfscope.config.values import ConfigDict
from selfscope.data import torchvision_names
from selfscope.data.seeds import global_seeds
from selfscope.data.trace import PICTURED, Trace, with_pictures
from selfscope.errors import ConfigError, UsageError, nearest

Results = dict[str, Any]
TORCHVISION = "torchvision/"
OPENMMLAB = ("mmselfsup", "mmcls", "mmpretrain", "mmengine", "mmcv")


class Transform(Protocol):
    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        """New results; what was given stays as it was."""
        ...


def build_transforms(
    pipeline: Sequence[Any], *, skip: Sequence[str] = (), trust: bool = False
) -> tuple[Transform, ...]:
    """The transforms of a config's pipeline; `skip` leaves out types by name, also inside MultiView and the like."""
    present = set(type_names(pipeline))
    left_out = {short_name(name) for name in skip}
    for name in sorted(left_out - present):
        known = ", ".join(sorted(present)) or "no transform"
        raise UsageError(f"skip: {name!r} is not in the pipeline, which has {known}.{nearest(name, present)}")
    return _build_list(pipeline, left_out, trust)


def type_names(pipeline: Sequence[Any]) -> Iterator[str]:
    """Every type that a pipeline names, without scopes, from the outside in."""
    for entry in pipeline:
        if isinstance(entry, Mapping):
            yield short_name(entry.get("type", ""))
            inner = entry.get("transforms", ())
            yield from type_names([inner] if isinstance(inner, Mapping) else inner)
        elif isinstance(entry, Sequence) and not isinstance(entry, str):
            yield from type_names(entry)
        else:
            yield type(entry).__name__


def short_name(name: Any) -> str:
    """A type without OpenMMLab's scopes: `mmcls.ResizeEdge` is `ResizeEdge`; torchvision's are `torchvision/Resize`."""
    if not isinstance(name, str):
        return getattr(name, "__name__", type(name).__name__)
    scope, _, rest = name.partition(".")
    short = rest if scope in OPENMMLAB and rest else name
    return short.replace("torchvision.transforms.", TORCHVISION, 1) if short.startswith("torchvision.") else short


def run(transforms: Sequence[Transform], results: Results, rng: np.random.Generator) -> tuple[Results, Results | None]:
    """The results as they were before packing, and the packed ones, None for a pipeline that does not pack."""
    for transform in transforms:
        after = transform(results, rng)
        if "inputs" in after:
            return results, after
        results = with_pictures(after)
    return results, None


def _build_list(pipeline: Sequence[Any], left_out: set[str], trust: bool) -> tuple[Any, ...]:
    built: list[Any] = []
    for entry in pipeline:
        if isinstance(entry, Sequence) and not isinstance(entry, str):
            built.append(_build_list(entry, left_out, trust))
        elif isinstance(entry, Mapping):
            if short_name(entry.get("type", "")) not in left_out:
                built.append(_build_one(entry, left_out, trust))
        elif type(entry).__name__ not in left_out:
            built.append(adapted(entry))
    return tuple(built)


def _build_one(entry: Mapping[str, Any], left_out: set[str], trust: bool) -> Transform:
    """One transform with those inside it; what a transform itself refuses gets the file and line of its entry."""
    located = entry.copy() if isinstance(entry, ConfigDict) else ConfigDict(entry)
    file, line = located.origin
    inner = entry.get("transforms")
    if inner is not None:
        pipelines = _build_list([inner] if isinstance(inner, Mapping) else inner, left_out, trust)
        located.put("transforms", pipelines, located.origin_of("transforms"))
    name = short_name(entry.get("type", "transform"))
    try:
        if name.startswith(TORCHVISION):
            located.put("type", torchvision_names.maker(name.removeprefix(TORCHVISION)), located.origin_of("type"))
        return adapted(TRANSFORMS.build(located, trust=trust))
    except ConfigError as error:
        if error.file is not None:
            raise
        message = str(error) if name in str(error) else f"{name}: {error}"
        raise ConfigError(message, file=file, line=line) from error


def adapted(transform: Any) -> Transform:
    """The transform itself when it takes a generator, else an adapter that seeds the global ones around it."""
    if type(transform).__module__.startswith("torchvision."):
        return torchvision_names.AsItIs(transform)
    call = transform if callable(transform) else getattr(transform, "transform", None)
    if call is None:
        raise ConfigError(
            f"expected a transform, called as transform(results, rng) or transform(results), got {transform!r:.80}"
        )
    parameters = inspect.signature(call).parameters.values()
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len([p for p in positional if p.default is p.empty]) >= 2:
        return transform
    return ForeignTransform(transform)


@dataclass(frozen=True)
class ForeignTransform:
    """A transform that takes only `results`, made to behave like ours."""

    transform: Any

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        call = self.transform if callable(self.transform) else self.transform.transform
        given = {key: value for key, value in results.items() if key not in ("trace", PICTURED)}
        if "img" in given:
            given["img"] = _handed_over(given["img"], as_pillow=results.get("img_form") == "pillow")
        with global_seeds(rng):
            after = call(given)
        if not isinstance(after, Mapping):
            raise ConfigError(f"{self.name} returned {type(after).__name__}, expected the results as a dict")
        if "inputs" in after:
            return dict(after)
        return self._traced(results, dict(after))

    @property
    def name(self) -> str:
        return type(self.transform).__name__

    def _traced(self, before: Mapping[str, Any], after: Results) -> Results:
        if "img" not in after:
            return after
        several = isinstance(after["img"], (list, tuple))
        images = [_taken_back(image, self.name) for image in (after["img"] if several else [after["img"]])]
        after["img"] = images if several else images[0]
        after.setdefault("original", images[0])
        pictured = bool(before.get(PICTURED))
        after.setdefault(PICTURED, pictured)
        trace = before.get("trace") or Trace(images[0].shape[1], images[0].shape[0], pictured=pictured)
        traces = trace if isinstance(trace, list) else [trace] * len(images)
        old = before.get("img", images[0])
        sizes = [image.shape[:2] for image in (old if isinstance(old, list) else [old] * len(images))]
        if len(traces) != len(images) or len(sizes) != len(images):
            traces, sizes = [traces[0]] * len(images), [(-1, -1)] * len(images)
        steps = [
            t.step(self.name) if image.shape[:2] == size else t.step(self.name).lost()
            for t, image, size in zip(traces, images, sizes, strict=True)
        ]
        after["trace"] = steps if several else steps[0]
        return after


def _handed_over(image: Any, *, as_pillow: bool) -> Any:
    """A copy of one or several images, as arrays that may be written to or as Pillow images."""
    if isinstance(image, (list, tuple)):
        return [_handed_over(one, as_pillow=as_pillow) for one in image]
    return Image.fromarray(image) if as_pillow else np.array(image, order="C")


def _taken_back(image: Any, name: str) -> np.ndarray:
    pixels = np.asarray(image)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ConfigError(f"{name} made an image {pixels.dtype} {pixels.shape}, expected (H, W, 3) uint8 RGB")
    return pixels
