"""Other people's data sets and transforms: torchvision (both versions), albumentations, lightly, or any callable.

They are called as they are, with the global generators of Python, NumPy and torch seeded for each sample. Where a view
comes from is known when torchvision's or albumentations' transforms made it, and left open otherwise.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from PIL import Image

from selfscope.data.albums import Album, followed
from selfscope.data.bands import Bands
from selfscope.data.classes import folder_classes
from selfscope.data.dataset import Dataset
from selfscope.data.ends import LoadImageFromFile
from selfscope.data.listing import Listing, Names
from selfscope.data.moves import normalisation_of
from selfscope.data.picture import read_picture
from selfscope.data.picturing import LABEL_KEYS, Item, Normalisation, Shown, shown, sorted_item
from selfscope.data.seeds import global_seeds
from selfscope.data.trace import PICTURED, Trace
from selfscope.data.watching import Watch, size_of, watching
from selfscope.errors import DataError, SelfscopeError, UsageError
from selfscope.sampled import SHOWN

Results = dict[str, Any]
DEPTH = 4
"""How deep in an object's attributes a Normalize is looked for."""


@dataclass(frozen=True, eq=False)
class ForeignTransform:
    """A transform that takes an image and gives views: one, or several in a list, tuple or dict."""

    transform: Callable[[Any], Any]
    bands: Bands | None = None
    album: Album | None = field(init=False, default=None)
    normalisation: Normalisation | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if not callable(self.transform):
            raise UsageError(f"transform: expected something to call with an image, got {kind_of(self.transform)}")
        if type(self.transform).__module__.startswith("albumentations."):
            object.__setattr__(self, "album", Album(copy.deepcopy(self.transform)))
        object.__setattr__(self, "normalisation", only_normalisation(self.transform))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        given = results.get("image")
        given = Image.fromarray(results["img"]) if given is None else given
        watch = Watch(pictured=bool(results.get(PICTURED)))
        watch.begin(given)
        with global_seeds(rng), watching(watch), followed(watch, rng) if self.album is None else nullcontext():
            made = self._made(given, results, rng)
        return viewed({**results, "image": None}, made, watch, self)

    def _made(self, given: Any, results: Mapping[str, Any], rng: np.random.Generator) -> Any:
        name = kind_of(self.transform)
        try:
            if self.album is not None:
                return self.album(given, rng)
            return self.transform(given)
        except SelfscopeError:
            raise
        except Exception as error:
            path = results.get("img_path")
            raise UsageError(f"the transform {name} raised {_told(error)}, given {_said(given, path)}") from error


@dataclass(frozen=True, eq=False)
class ForeignItems:
    """Loads items of a data set by their number, with whatever the data set does to them."""

    source: Any
    bands: Bands | None = None
    alone: bool = True
    """Whether no transform follows: the views are then what the data set gives."""
    normalisation: Normalisation | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "normalisation", only_normalisation(self.source))

    def __call__(self, results: Mapping[str, Any], rng: np.random.Generator) -> Results:
        number, path = int(results["sample_idx"]), _path_of(self.source, int(results["sample_idx"]))
        watch = Watch(pictured=bool(results.get(PICTURED)))
        with global_seeds(rng), watching(watch), followed(watch, rng):
            try:
                value = self.source[number]
            except Exception as error:
                raise DataError(f"item {number} of {kind_of(self.source)} cannot be loaded: {_told(error)}") from error
        begun: Results = {**results, "img_path": path, "original": _original(watch, path, self.bands)}
        if self.alone:
            return viewed(begun, value, watch, self)
        item = sorted_item(value)
        picture = shown(item.images[0], self.normalisation, self.bands).picture
        trace = Trace(picture.shape[1], picture.shape[0], pictured=watch.pictured)
        given = {"image": item.images[0], "img": picture, "trace": trace, "original": picture}
        label = {} if item.label is None else {"gt_label": item.label}
        return {**begun, **given, **label}


def viewed(results: Results, value: Any, watch: Watch, by: ForeignTransform | ForeignItems) -> Results:
    """Results whose views are the images in `value`; their traces where `watch` followed them there."""
    item = _sorted(value, by)
    made = [shown(image, _normalisation(image, watch, by), by.bands) for image in item.images]
    original = results.get("original")
    if original is None:
        original = made[0].picture
    traces = [_trace(image, view, watch, original, by) for image, view in zip(item.images, made, strict=True)]
    rules = [view.rule for view in made]
    notes = [*results.get("notes", ()), *dict.fromkeys(rule for rule in rules if rule)]
    label = {} if item.label is None else {"gt_label": item.label}
    mask = {} if item.mask is None else {"mask": item.mask}
    return {
        **results,
        "img": [view.picture for view in made],
        "trace": traces,
        "original": original,
        "view_names": _names(item),
        "notes": notes,
        **label,
        **mask,
    }


def _trace(image: Any, view: Shown, watch: Watch, original: np.ndarray, by: ForeignTransform | ForeignItems) -> Trace:
    """The trace with a last step that says how the picture was made; not known where nobody saw it being made."""
    (height, width), history = original.shape[:2], watch.of(image)
    album = by.album if isinstance(by, ForeignTransform) else None
    if album is not None:
        trace = album.trace((width, height), size_of(image))
    elif history is None or size_of(history.root) != (width, height):
        name = kind_of(by.transform if isinstance(by, ForeignTransform) else by.source)
        trace = Trace(width, height, known=False, pictured=watch.pictured).step(name)
    else:
        trace = history.trace
    trace = trace.step(SHOWN, rule=view.rule, beyond=view.beyond) if view.rule or view.beyond else trace
    return trace.seen(view.picture)


def _sorted(value: Any, by: ForeignTransform | ForeignItems) -> Item:
    """The images in `value`; that there is none is the fault of the transform that made it, and of no single image."""
    try:
        return sorted_item(value)
    except DataError as error:
        if isinstance(by, ForeignTransform):
            raise UsageError(f"the transform {kind_of(by.transform)} gave no image: {error}") from error
        raise


def _names(item: Item) -> list[str]:
    """Names from a dict when they tell the views apart, else numbers."""
    if len(item.names) > 1 and all(item.names) and len(set(item.names)) == len(item.names):
        return item.names
    return [f"view {i}" for i in range(1, len(item.images) + 1)] if len(item.images) > 1 else ["view"]


def _normalisation(image: Any, watch: Watch, by: ForeignTransform | ForeignItems) -> Normalisation | None:
    """That of the image's own history; of an image without one, the only one that ran, or that the object holds."""
    history = watch.of(image)
    if history is not None:
        return history.normalisation
    return next(iter(watch.normalisations)) if len(watch.normalisations) == 1 else by.normalisation


def only_normalisation(value: Any) -> Normalisation | None:
    """The mean and std of the Normalize inside an object; None when there is none, or several that differ."""
    found: dict[Normalisation, None] = {}
    seen: set[int] = set()
    _search(value, DEPTH, found, seen)
    return next(iter(found)) if len(found) == 1 else None


def _search(value: Any, depth: int, found: dict[Normalisation, None], seen: set[int]) -> None:
    if id(value) in seen or depth < 0:
        return
    seen.add(id(value))
    normalisation = normalisation_of(value)
    if normalisation is not None:
        found[normalisation] = None
        return
    if isinstance(value, Mapping):
        inside = list(value.values())[:100]
    elif isinstance(value, (list, tuple)):
        inside = list(value[:100])
    elif callable(value) or hasattr(value, "transform"):
        inside = list(getattr(value, "__dict__", {}).values())
        inside += [cell.cell_contents for cell in getattr(value, "__closure__", None) or () if _filled(cell)]
    else:
        return
    for inner in inside:
        if isinstance(inner, (Mapping, list, tuple)) or callable(inner):
            _search(inner, depth - 1, found, seen)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:  # a variable that has no value yet
        return False
    return True


def foreign_dataset(
    source: Any, transform: Any = None, *, seed: int = 0, bands: Bands | None = None, listing: Listing | None = None
) -> Dataset:
    """A data set whose items are `source[i]`, and whose views are what `transform`, or the source itself, makes."""
    if not hasattr(source, "__getitem__") or not hasattr(source, "__len__"):
        iterable = hasattr(source, "__iter__")
        hint = "; take some of an iterable one: list(itertools.islice(dataset, 100))" if iterable else ""
        raise UsageError(f"{kind_of(source)}: expected a data set with len() and items by number{hint}")
    if not len(source):
        raise DataError(f"the data set {kind_of(source)} is empty")
    steps: list[Any] = [ForeignItems(source, bands, alone=transform is None)]
    if transform is not None:
        steps.append(ForeignTransform(transform, bands))
    names = tuple(kind_of(step) for step in (source, transform) if step is not None)
    return Dataset(listing or _listing(source), tuple(steps), seed, types=names)


def transformed_folder(listing: Listing, transform: Any, *, seed: int = 0, bands: Bands | None = None) -> Dataset:
    """Pictures of a listing, each handed to `transform` as a Pillow image."""
    steps = (LoadImageFromFile(bands=bands), ForeignTransform(transform))
    return Dataset(listing, steps, seed, types=("LoadImageFromFile", kind_of(transform)))


def _listing(source: Any) -> Listing:
    """Names and labels where the data set has them at hand (torchvision's folders do); else numbers."""
    count, named = len(source), _classes(source)
    paths = [_path_of(source, i) for i in range(count)] if _path_of(source, 0) else []
    targets = getattr(source, "targets", None)
    labels = None
    if targets is not None and len(targets) == count:
        array = np.asarray(targets)
        labels = array.astype(np.int64) if array.ndim == 1 and array.dtype.kind in "iu" else None
    if named is not None and labels is not None and labels.max() >= len(named):
        named = None
    if paths:
        root = os.path.commonpath([os.path.dirname(os.path.abspath(str(path))) for path in paths])
        return Listing(root, Names(os.path.relpath(str(path), root) for path in paths), labels, named)
    width = len(str(count - 1))
    return Listing("", Names(f"{i:0{width}d}" for i in range(count)), labels, named)


def _classes(source: Any) -> tuple[str, ...] | None:
    """The names of the labels: `classes` as torchvision has them, or the class column of a Hugging Face data set."""
    classes = getattr(source, "classes", None)
    features = getattr(source, "features", None)
    if classes is None and isinstance(features, Mapping):
        classes = next((features[key].names for key in LABEL_KEYS if hasattr(features.get(key), "names")), None)
    return folder_classes([str(name) for name in classes]) if isinstance(classes, (list, tuple)) else None


def _path_of(source: Any, number: int) -> str | None:
    """The file of an item, where the data set lists `(path, label)` pairs as torchvision's folders do."""
    pairs = getattr(source, "samples", None) or getattr(source, "imgs", None)
    if not isinstance(pairs, Sequence) or len(pairs) != len(source) or isinstance(pairs, str):
        return None
    first = pairs[number][0] if isinstance(pairs[number], (tuple, list)) else pairs[number]
    return os.fspath(first) if isinstance(first, (str, os.PathLike)) else None


def _original(watch: Watch, path: str | None, bands: Bands | None) -> np.ndarray | None:
    """The image before any transform: read from its file, or what entered the first transform that was seen."""
    root = watch.root
    if path is not None and bands is None and os.path.isfile(path):
        picture = read_picture(path)
        if root is None or size_of(root) == (picture.shape[1], picture.shape[0]):
            return picture
    return None if root is None else shown(root, None, bands).picture


def kind_of(value: Any) -> str:
    """What to call an object: its own name or its class's, with its shape."""
    if isinstance(value, np.ndarray) or hasattr(value, "shape"):
        return f"{type(value).__name__} {tuple(value.shape)}"
    return getattr(value, "__qualname__", type(value).__qualname__)


def _said(image: Any, path: Any) -> str:
    """`Image 400 x 266 of photos/1.jpg`."""
    named = kind_of(image) if hasattr(image, "shape") else f"{kind_of(image)} {'{} x {}'.format(*size_of(image))}"
    return f"{named} of {path}" if path else named


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split()):.200}"
