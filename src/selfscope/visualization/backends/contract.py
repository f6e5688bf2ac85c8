"""What a backend is: one method, `write(record)`, or MMEngine's `add_…` methods, to which `write` hands on."""

from __future__ import annotations

import functools
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np

from selfscope.errors import SelfscopeError
from selfscope.records import Graph, Picture, Record, Scalars
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

    plain_arguments: ClassVar[frozenset[str]] = frozenset()
    """What a config may say that nobody vouches for: arguments that decide neither where records go nor which files or
    code are sent. An entry of a dict is `init_kwargs.name`, `init_kwargs.name=value` allows this value alone, and
    `init_kwargs.name.*` any dict. What is not here needs `--trust-config`."""

    destination: ClassVar[str] = ""
    """Where records go, in words, unless an argument says otherwise; empty: nowhere but into the run's folder."""

    begins_anew: bool = False
    """Set by `_init_env` where the tracker's run of before is gone: what it had of this run is sent again."""

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
        """Keeps one record, or raises; overridden, or handed on to the subclass's own `add_…` methods."""
        if self._hand_on(record) or self._keep(record):
            return
        picture = _as_picture_record(record) if self._takes_pictures() else None
        if picture is None:
            raise UnsupportedRecordError(f"{type(self).__name__} has no place for records of kind {record.kind!r}")
        log.info("%s keeps %s %r as a picture", type(self).__name__, record.kind, picture.key)
        self.write(picture)

    def add_config(self, config: Any, **kwargs: Any) -> None:
        self._take("add_config", lambda: config_record(config))

    def add_graph(self, model: Any, data_batch: Any = None, **kwargs: Any) -> None:
        self._take("add_graph", lambda: Graph(model, data_batch))

    def add_image(self, name: str, image: np.ndarray, step: int = 0, **kwargs: Any) -> None:
        """`image` is `(H, W, 3)` uint8 RGB; other forms are what the Visualizer's `add_image` takes."""
        self._take("add_image", lambda: Picture(name, image, step))

    def add_scalar(self, name: str, value: Any, step: int = 0, **kwargs: Any) -> None:
        self._take("add_scalar", lambda: Scalars({name: value}, step))

    def add_scalars(
        self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None, **kwargs: Any
    ) -> None:
        self._take("add_scalars", lambda: Scalars(scalar_dict, step, file_path))

    def prepare(self, record: Record) -> None:
        """Does on the caller's thread what `write` will need; only for kinds in `prepares`."""
        raise NotImplementedError(f"{type(self).__name__} names {record.kind!r} in prepares, and has no prepare")

    def flush(self) -> None:  # noqa: B027
        """Makes what was written safe; trackers without such a call need none."""

    def close(self) -> None:  # noqa: B027
        """Ends the native object; called once."""

    def _keep(self, record: Record) -> bool:
        """Hands a record to `_add_<kind>(record)`, which selfscope's own backends define; False where there is none."""
        add = getattr(self, f"_add_{record.kind}", None)
        if add is not None:
            add(record)
        return add is not None

    def _hand_on(self, record: Record) -> bool:
        """Calls the subclass's own `add_…` that fits, as MMEngine would; False where it defines none.

        What that calls of its parent class stands for this record: it keeps its wall time and its caption.
        """
        name = _own_method(type(self), record.kind)
        if name is None:
            return False
        before = _handed_on.set((self, record))
        try:
            for args, kwargs in _arguments(record, name):
                getattr(self, name)(*args, **kwargs)
        finally:
            _handed_on.reset(before)
        return True

    def _take(self, method: str, make: Callable[[], Record]) -> None:
        """What an `add_…` of this class does: the record is kept here, or goes to the subclass's `write`."""
        backend, handed_on = _handed_on.get()
        record = make()
        if backend is self and type(handed_on) is type(record):
            record = replace(record, **_left_out(handed_on))
        initialise(self)
        if self._has("write") and backend is not self:
            self.write(record)
        elif not self._keep(record):
            raise UnsupportedRecordError(f"{type(self).__name__} does not define {method}, nor write")

    def _takes_pictures(self) -> bool:
        return self._has("add_image") or hasattr(self, "_add_picture")

    def _has(self, name: str) -> bool:
        """Whether the subclass itself defines the method."""
        return _defines(type(self), name)


class Adopted(BaseVisBackend):
    """An object with MMEngine's `experiment` and `add_…` methods, which need no base class there.

    Each record goes to the method that fits. `flush` and `close` are called where the object has them.
    """

    def __init__(self, native: Any) -> None:
        super().__init__()
        self.native = native

    @staticmethod
    def fits(native: Any) -> bool:
        methods = any(hasattr(native, name) for names in _HANDED_TO.values() for name in names)
        return methods and hasattr(type(native), "experiment")

    @property
    def experiment(self) -> Any:
        return self.native.experiment

    def write(self, record: Record) -> None:
        names = _HANDED_TO.get(record.kind, (f"add_{record.kind}",))
        name = next((name for name in names if hasattr(self.native, name)), None)
        if name is None:
            given = type(self.native).__name__
            raise UnsupportedRecordError(f"{given} has no place for records of kind {record.kind!r}")
        for args, kwargs in _arguments(record, name):
            getattr(self.native, name)(*args, **kwargs)

    def flush(self) -> None:
        getattr(self.native, "flush", lambda: None)()

    def close(self) -> None:
        getattr(self.native, "close", lambda: None)()


def _defines(backend: type, name: str) -> bool:
    return getattr(backend, name, None) is not getattr(BaseVisBackend, name, None)


@functools.cache
def _own_method(backend: type, kind: str) -> str | None:
    """The `add_…` that a class defines by itself for a kind of record; asked for every record, hence remembered."""
    return next((name for name in _HANDED_TO.get(kind, (f"add_{kind}",)) if _defines(backend, name)), None)


_HANDED_TO = {"scalars": ("add_scalars", "add_scalar"), "picture": ("add_image",)}

_handed_on: ContextVar[tuple[object, Record | None]] = ContextVar("handed_on", default=(None, None))
"""The backend whose own `add_…` runs on this thread, and the record that it was called for."""


def _arguments(record: Any, method: str) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """With what MMEngine calls the method: once, or once a tag."""
    if method == "add_scalars":
        yield (dict(record.values), record.step), {"file_path": record.file_path} if record.file_path else {}
    elif method == "add_scalar":
        yield from (((tag, value, record.step), {}) for tag, value in record.values.items())
    elif method == "add_image":
        yield (record.key, record.pixels, record.step), {}
    elif method == "add_config":
        yield (record.values,), {}
    elif method == "add_graph":
        yield (record.model, record.inputs), {}
    else:
        yield (record,), {}


def _left_out(record: Any) -> dict[str, Any]:
    """What of a record MMEngine's arguments do not carry."""
    return {name: getattr(record, name) for name in ("wall_time", "caption", "text") if hasattr(record, name)}


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
