"""Where views come from, when torchvision's transforms make them inside somebody else's code.

While a `Watch` is on, every torchvision transform that runs in this thread is seen, with its input and its output.
What it drew is drawn once more from the same state of torch's generator, by the transform's own `get_params` or
`make_params`, and the state is put back. Nothing is guessed: a transform that moves pixels in a way it does not tell
ends the history of its image. One that is not torchvision's is taken to keep pixels in place where the size stays and
the image looks alike before and after.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn.modules import module as modules
from torchvision import transforms as v1
from torchvision.transforms import v2

from selfscope.data.moves import is_container, moved_by, normalisation_of
from selfscope.data.picturing import Normalisation, channels_last, leaves, shown
from selfscope.data.trace import Trace

_PATCHING = threading.RLock()
LIKE = 0.8
"""The least correlation of brightness, at 16 × 16, before and after a step that keeps pixels in place."""


@dataclass(frozen=True, eq=False)
class History:
    """What is known of one image on its way."""

    image: Any
    """Kept, so that no other object gets its identity."""
    root: Any
    trace: Trace
    normalisation: Normalisation | None = None


@dataclass
class Watch:
    """Histories of images, by the objects that hold them."""

    histories: dict[int, History] = field(default_factory=dict)
    pictured: bool = False
    """Whether the image after every step is kept, to be shown."""
    rooted: bool = False
    """Whether the first image is known, so that others that appear are not taken for it."""
    normalisations: set[Normalisation] = field(default_factory=set)
    """Of every Normalize that ran, also on images of unknown origin."""
    _states: list[torch.Tensor] = field(default_factory=list)

    def begin(self, image: Any) -> None:
        """The image that the transform will be given."""
        self.rooted = True
        self._root(image)

    def of(self, image: Any) -> History | None:
        return self.histories.get(id(image))

    @property
    def root(self) -> Any:
        """The first image that was seen; None when none was."""
        first = next(iter(self.histories.values()), None)
        return None if first is None else first.image

    def entering(self) -> None:
        self._states.append(torch.get_rng_state())

    def leaving(self, transform: Any, given: Any, returned: Any) -> None:
        self.saw(transform, given, returned, self._states.pop())

    def saw(self, transform: Any, given: Any, returned: Any, state: torch.Tensor | None = None) -> None:
        """A transform has run; `state` is that of torch's generator before it."""
        known = normalisation_of(transform)
        self.normalisations |= set() if known is None else {known}
        before, after = list(leaves(given)), list(leaves(returned))
        if not self.histories and not self.rooted and before:
            self._root(before[0])
        if len(before) != len(after):
            return
        for old, new in zip(before, after, strict=True):
            history = self.of(old)
            if history is None or new is old or id(new) in self.histories:
                continue
            self.histories[id(new)] = self._after(history, transform, new, state)

    def _after(self, history: History, transform: Any, new: Any, state: torch.Tensor | None) -> History:
        trace, before, after = history.trace, size_of(history.image), size_of(new)
        if _is_transform(transform) and not is_container(transform):
            trace = moved_by(transform, history.image, trace, before, after, state)
        else:
            trace = trace.step(type(transform).__name__)
            trace = trace if before == after and looks_alike(history.image, new) else trace.lost()
        normalisation = normalisation_of(transform) or history.normalisation
        if self.pictured and channels_last(new).shape[2] in (1, 3, 4):
            trace = trace.seen(shown(new, normalisation).picture)
        return History(new, history.root, trace, normalisation)

    def _root(self, image: Any) -> None:
        width, height = size_of(image)
        self.histories[id(image)] = History(image, image, Trace(width, height, pictured=self.pictured))


@contextmanager
def watching(watch: Watch) -> Iterator[Watch]:
    """Lets `watch` see every torchvision transform that this thread runs inside the block."""
    thread = threading.get_ident()

    def entering(transform: Any, given: Any) -> None:
        if threading.get_ident() == thread and _is_transform(transform):
            watch.entering()

    def leaving(transform: Any, given: Any, returned: Any) -> None:
        if threading.get_ident() == thread and _is_transform(transform):
            watch.leaving(transform, given, returned)

    with _PATCHING, _composing(watch, thread):
        hooks = [modules.register_module_forward_pre_hook(entering), modules.register_module_forward_hook(leaving)]
        try:
            yield watch
        finally:
            for hook in hooks:
                hook.remove()


@contextmanager
def _composing(watch: Watch, thread: int) -> Iterator[None]:
    """Both versions of Compose, telling of each transform in them that is a plain callable and has no hooks."""
    first, second = v1.Compose.__call__, v2.Compose.forward

    def tell(transform: Any, given: Any, returned: Any) -> None:
        if threading.get_ident() == thread and not isinstance(transform, torch.nn.Module):
            watch.saw(transform, given, returned)

    def compose(self: Any, img: Any) -> Any:
        for transform in self.transforms:
            given, img = img, transform(img)
            tell(transform, given, img)
        return img

    def forward(self: Any, *inputs: Any) -> Any:
        several = len(inputs) > 1
        outputs: Any = inputs if several else inputs[0]
        for transform in self.transforms:
            outputs = transform(*inputs)
            tell(transform, inputs, outputs if several else (outputs,))
            inputs = outputs if several else (outputs,)
        return outputs

    v1.Compose.__call__, v2.Compose.forward = compose, forward
    try:
        yield
    finally:
        v1.Compose.__call__, v2.Compose.forward = first, second


def looks_alike(before: Any, after: Any) -> bool:
    """Whether brightness, or its opposite, is where it was, and nearer to that than to a mirror image of it."""
    seen, expected = _brightness(after), _brightness(before)
    as_it_was, *mirrored = (
        _likeness(seen, turned) for turned in (expected, expected[:, ::-1], expected[::-1], expected[::-1, ::-1])
    )
    return as_it_was >= LIKE and as_it_was > max(mirrored)


def _likeness(seen: np.ndarray, expected: np.ndarray) -> float:
    spread = seen.std() * expected.std()
    return float(abs(((seen - seen.mean()) * (expected - expected.mean())).mean()) / spread) if spread > 0 else 0.0


def size_of(image: Any) -> tuple[int, int]:
    """`(width, height)`."""
    if isinstance(image, Image.Image):
        return image.width, image.height
    shape: Sequence[int] = image.shape
    first = isinstance(image, torch.Tensor) or (len(shape) == 3 and shape[2] > 4 and shape[0] < shape[2])
    height, width = shape[-2:] if first or len(shape) == 2 else shape[:2]
    return int(width), int(height)


def _is_transform(transform: Any) -> bool:
    return type(transform).__module__.startswith("torchvision.transforms")


def _brightness(image: Any) -> np.ndarray:
    values = np.asarray(image.convert("L")) if isinstance(image, Image.Image) else channels_last(image).mean(axis=2)
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize((16, 16), Image.Resampling.BOX))
