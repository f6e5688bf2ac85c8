"""What a backend is: one method, `write(record)`, or MMEngine's `add_…` methods, to which `write` hands on."""

from __future__ import annotations

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from selfscope.errors import SelfscopeError
from selfscope.records import Config, Graph, Picture, Record, Scalars
from selfscope.store.configs import config_record
from selfscope.store.figures import draw_figure

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


class UnsupportedRecordError(SelfscopeError):
    """A backend has no place for a kind of record: it will refuse the next one as well."""


def initialise(backend: Any) -> None:
    """Calls `_init_env` of a backend that has one, the first time."""
    if not getattr(backend, "_env_initialized", False) and hasattr(backend, "_init_env"):
        backend._init_env()
        backend._env_initialized = True


def force_init_env(method: F) -> F:
    """Calls `_init_env` before the first call of the method, if the Visualizer has not done so."""

    @functools.wraps(method)
    def initialised(self: Any, *args: Any, **kwargs: Any) -> Any:
        initialise(self)
        return method(self, *args, **kwargs)

    return initialised  # type: ignore[return-value]


class BaseVisBackend(ABC):
    """A place that records go to. A subclass defines `experiment`, and either `write(record)` or `add_…` methods.

    With `write`, `add_image` and the other four of MMEngine work too: they make a record and hand it to `write`.
    With `add_image(name, image, step)`, `add_scalar`, `add_scalars`, `add_config`, `add_graph`, as MMEngine has them,
    `write` calls the one that fits; a kind that these do not know goes to `add_<kind>(record)` where there is one.
    Without it, what can be drawn is handed on as a picture, and anything else raises `UnsupportedRecordError`.
    """

    thread: ClassVar[Literal["own", "caller"]] = "own"
    """`own`: records arrive on a thread of this backend's own, so that it may be slow, or fail, at nobody's cost.
    `caller`: they arrive inside the caller's `add_…`, one after another, unisolated."""

    prepares: ClassVar[frozenset[str]] = frozenset()
    """Kinds of records that `prepare` must see on the caller's thread, before they are handed on: a graph is traced
    there, since the model goes on training meanwhile."""

    def __init__(self, save_dir: str | None = None) -> None:
        self._save_dir = save_dir
        self._env_initialized = False

    @property
    @abstractmethod
    def experiment(self) -> Any:
        """The native object: a SummaryWriter, a W&B run, …"""

    def _init_env(self) -> Any:  # noqa: B027 - nothing to set up is a valid answer
        """Sets up what writing needs; runs once, on the thread that builds the Visualizer."""

    def write(self, record: Record) -> None:
        """Keeps one record, or raises; overridden, or handed on to the subclass's `add_…` methods."""
        handlers: Mapping[str, Callable[[Any], bool]] = {
            "scalars": self._hand_on_scalars,
            "picture": self._hand_on_picture,
            "config": self._hand_on_config,
            "graph": self._hand_on_graph,
        }
        if handlers.get(record.kind, self._hand_on_record)(record):
            return
        picture = _as_picture_record(record)
        if picture is None or not self._has("add_image"):
            raise UnsupportedRecordError(f"{type(self).__name__} has no place for records of kind {record.kind!r}")
        log.info("%s keeps %s %r as a picture", type(self).__name__, record.kind, picture.key)
        self._hand_on_picture(picture)

    def add_config(self, config: Any, **kwargs: Any) -> None:
        self._write_or_refuse("add_config", lambda: config_record(config))

    def add_graph(self, model: Any, data_batch: Any = None, **kwargs: Any) -> None:
        self._write_or_refuse("add_graph", lambda: Graph(model, data_batch))

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """`image` is `(H, W, 3)` uint8 RGB; other forms are what the Visualizer's `add_image` takes."""
        self._write_or_refuse("add_image", lambda: Picture(name, image, step))

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        self._write_or_refuse("add_scalar", lambda: Scalars({name: value}, step))

    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        self._write_or_refuse("add_scalars", lambda: Scalars(scalar_dict, step, file_path))

    def prepare(self, record: Record) -> None:
        """Does on the caller's thread what `write` will need; only for kinds in `prepares`."""
        raise NotImplementedError(f"{type(self).__name__} names {record.kind!r} in prepares, and has no prepare")

    def flush(self) -> None:  # noqa: B027
        """Makes what was written safe; trackers without such a call need none."""

    def close(self) -> None:  # noqa: B027
        """Ends the native object; called once."""

    def _has(self, name: str) -> bool:
        """Whether the subclass itself defines the method."""
        return getattr(type(self), name, None) is not getattr(BaseVisBackend, name, None)

    def _write_or_refuse(self, method: str, make: Callable[[], Record]) -> None:
        if not self._has("write"):
            raise UnsupportedRecordError(f"{type(self).__name__} does not define {method}, nor write")
        initialise(self)
        self.write(make())

    def _hand_on_scalars(self, record: Scalars) -> bool:
        values = dict(record.values)
        if self._has("add_scalars"):
            more = {"file_path": record.file_path} if record.file_path else {}
            self.add_scalars(values, record.step, **more)
        elif self._has("add_scalar"):
            for tag, value in values.items():
                self.add_scalar(tag, value, record.step)
        return self._has("add_scalars") or self._has("add_scalar")

    def _hand_on_picture(self, record: Picture) -> bool:
        if self._has("add_image"):
            self.add_image(record.key, record.pixels, record.step)
        return self._has("add_image")

    def _hand_on_config(self, record: Config) -> bool:
        if self._has("add_config"):
            self.add_config(record.values)
        return self._has("add_config")

    def _hand_on_graph(self, record: Graph) -> bool:
        if self._has("add_graph"):
            self.add_graph(record.model, record.inputs)
        return self._has("add_graph")

    def _hand_on_record(self, record: Record) -> bool:
        method = getattr(self, f"add_{record.kind}", None)
        if method is not None:
            method(record)
        return method is not None


def _as_picture_record(record: Any) -> Picture | None:
    """What can be looked at, as a picture: figures, maps, reconstructions, samples."""
    pixels = None
    if record.kind == "figure":
        pixels = draw_figure(record).picture()
    elif hasattr(record, "plot"):
        pixels = record.plot()
    if pixels is None:
        return None
    return Picture(record.key, pixels, record.step, getattr(record, "caption", ""), wall_time=record.wall_time)
