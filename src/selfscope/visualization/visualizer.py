"""The Visualizer: draws on pictures, and hands records to any number of backends at once."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import numpy as np

from selfscope.draw.compose import as_picture, grid
from selfscope.draw.picture import to_numpy
from selfscope.errors import RecordError, UsageError, nearest
from selfscope.plain_numbers import plain_numbers, whole_step
from selfscope.records import Embedding, Figure, Graph, Histogram, Picture, Record, Table, Text
from selfscope.store.configs import config_record
from selfscope.store.figures import draw_figure
from selfscope.store.writer import status_after
from selfscope.visualization.backends.build import build_backends
from selfscope.visualization.backends.local import LocalVisBackend
from selfscope.visualization.buffers import Buffers
from selfscope.visualization.drawing import Drawing
from selfscope.visualization.fanout import FanOut
from selfscope.visualization.ranks import master_only, rank
from selfscope.visualization.window import show_picture

log = logging.getLogger(__name__)

LARGE = 1e307


class Visualizer(Drawing):
    """Draws on a picture (`draw_…`, chainable) and stores what it is given (`add_…`, `write`) in all its backends.

    `vis_backends` are dicts as in a config, or objects; two of one type need a `name` each. `save_dir` is the run:
    backends write below `save_dir/vis_data`. Only rank 0 writes. A backend that fails is reported once and costs the
    others nothing. `close`, or the end of a `with` block, finishes what is under way; without it the interpreter's end
    does. The drawing methods take tensors or arrays.
    """

    _instances: ClassVar[dict[str, Visualizer]] = {}

    def __init__(
        self,
        name: str = "visualizer",
        image: Any = None,
        vis_backends: Any = None,
        save_dir: str | os.PathLike[str] | None = None,
        fig_save_cfg: Mapping[str, Any] | None = None,
        fig_show_cfg: Mapping[str, Any] | None = None,
        *,
        trust: bool = False,
    ) -> None:
        super().__init__(image)
        self._name = name
        self._dataset_meta: dict[str, Any] | None = None
        self._vis_backends: dict[str, Any] = build_backends(vis_backends, save_dir, trust=trust)
        if fig_save_cfg or fig_show_cfg:
            log.info("fig_save_cfg and fig_show_cfg have no effect: nothing is drawn by matplotlib here")
        self._buffers = Buffers()
        self._writes = rank() == 0
        self._fanout = FanOut(self._vis_backends if self._writes else {}, self._buffers.prepare)

    @property
    def instance_name(self) -> str:
        return self._name

    @property
    def dataset_meta(self) -> dict[str, Any] | None:
        """What is known of the data set: `classes`, …; for subclasses to use."""
        return self._dataset_meta

    @dataset_meta.setter
    def dataset_meta(self, dataset_meta: dict[str, Any] | None) -> None:
        self._dataset_meta = dataset_meta

    def get_backend(self, name: str) -> Any:
        """The backend of a name (by default its type's); its `experiment` is the native object."""
        if name not in self._vis_backends:
            raise UsageError(f"no backend {name!r} here, only {', '.join(self._vis_backends) or 'none'}")
        return self._vis_backends[name]

    @property
    def run(self) -> Path | None:
        """The folder of the run, where a local backend keeps one."""
        return next((kept.run for kept in self._vis_backends.values() if isinstance(kept, LocalVisBackend)), None)

    @master_only
    def note_seed(self, seed: int) -> None:
        """What all that is drawn at random in this run follows from, for `run.json`."""
        for backend in self._vis_backends.values():
            if isinstance(backend, LocalVisBackend):
                backend.writer.note_seed(seed)

    @master_only
    def write(self, record: Record) -> None:
        """Hands one record to every backend; its arrays are not copied, so leave them as they are."""
        if not isinstance(record, Record):
            raise RecordError(f"write: expected a record, got {type(record).__name__}: add_… methods take plain values")
        if record.wall_time is None:
            record = replace(record, wall_time=time.time())
        self._fanout.put(record)

    @master_only
    def add_config(self, config: Any) -> None:
        """A Config of selfscope or MMEngine, or a mapping of plain values.

        One whose keys are no names of Python, such as `optim.lr`, is kept whole under `config`.
        """
        self.write(config_record(config))

    @master_only
    def add_graph(self, model: Any, data_batch: Any = None) -> None:
        """A model's structure: traced now with `data_batch` by backends that draw it, as text everywhere else."""
        self.write(Graph(model, data_batch, str(model)))

    @master_only
    def add_image(self, name: str, image: Any, step: int = 0, *, caption: str = "") -> None:
        """One picture, `(H, W[, C])` or `(C, H, W)`, or a batch of them, which becomes a grid.

        Arrays and tensors, RGB; integers are 0..255, floats [0, 1]: everything else is refused, not guessed.
        """
        pixels = self._buffers.copy(one_picture(image, name))
        self._fanout.put(Picture(name, pixels, step, caption, wall_time=time.time()))

    def add_scalar(self, name: str, value: Any, step: int = 0) -> None:
        self.add_scalars({name: value}, step)

    def add_scalars(self, scalar_dict: Mapping[str, Any], step: int = 0, file_path: str | None = None) -> None:
        """Numbers of one step, also tensors and arrays of one element; `file_path` names a second file for the line."""
        if self._writes:  # not `master_only`, which would ask torch at every step: the fan-out asks on its own threads
            step = whole_step(step, "scalars")
            self._fanout.put_scalars(plain_numbers(scalar_dict), step, file_path, time.time())

    @master_only
    def add_figure(self, name: str, figure: Any, step: int = 0, *, caption: str = "") -> None:
        """A matplotlib or Plotly figure, drawn now: it may be changed or closed afterwards."""
        record = Figure(name, figure, step, caption)
        self.write(replace(record, figure=draw_figure(record)))

    @master_only
    def add_histogram(self, name: str, values: Any, step: int = 0, *, bins: int = 64, caption: str = "") -> None:
        """How values are distributed; those that are not finite are left out, and counted in the caption."""
        if bins < 1:
            raise RecordError(f"{name}: expected at least one bin, got {bins}")
        flat = as_floats(values, name)
        finite = flat[np.isfinite(flat)]
        if len(finite) < len(flat):
            caption = f"{caption} ({len(flat) - len(finite)} of {len(flat)} values not finite)".strip()
        if not len(finite):
            raise RecordError(f"{name}: expected at least one finite value, got {len(flat)} values without any")
        self.write(Histogram(name, *counted(finite, bins), step, caption))

    @master_only
    def add_embedding(self, name: str, coords: Any, step: int = 0, **details: Any) -> None:
        """A map: coords `(N, 1..3)`; `labels`, `class_names`, `paths`, `columns`, … as `records.Embedding` has them.

        All is copied, except arrays that are mapped from a file.
        """
        known = [field.name for field in fields(Embedding) if field.name not in ("key", "coords", "step", "wall_time")]
        for given in details:
            if given not in known:
                hint = nearest(given, known) or f" It takes {', '.join(known)}."
                raise UsageError(f"add_embedding takes no argument {given!r}.{hint}")
        own = {key: _own(value) for key, value in details.items()}
        if own.get("labels") is not None:
            own["labels"] = np.asarray(own["labels"])
        self.write(Embedding(name, np.array(to_numpy(coords), np.float32), step=step, **own))

    @master_only
    def add_table(self, name: str, columns: Mapping[str, Sequence[Any]], step: int = 0, *, caption: str = "") -> None:
        """Named columns of one length."""
        if not isinstance(columns, Mapping):
            raise RecordError(f"{name}: expected columns by name, as {{'id': [0, 1]}}, got {type(columns).__name__}")
        self.write(Table(name, {key: _own(column) for key, column in columns.items()}, step, caption))

    @master_only
    def add_text(self, name: str, text: str, step: int = 0) -> None:
        """Markdown."""
        if not isinstance(text, str):
            raise RecordError(f"{name}: expected text, got {type(text).__name__}")
        self.write(Text(name, text, step))

    @master_only
    def add_datasample(
        self,
        name: str,
        image: Any,
        data_sample: Any = None,
        draw_gt: bool = True,
        draw_pred: bool = True,
        show: bool = False,
        wait_time: float = 0,
        step: int = 0,
    ) -> None:
        """For subclasses to define: how a sample of their task is drawn."""
        raise NotImplementedError(f"{type(self).__name__} does not define add_datasample; SelfSupVisualizer does")

    @master_only
    def show(
        self,
        drawn_img: Any = None,
        win_name: str = "image",
        wait_time: float = 0.0,
        continue_key: str = " ",
        backend: str = "matplotlib",
        *,
        step: int = 0,
    ) -> None:
        """Shows the picture (by default what was drawn last) in a notebook or a window, and stores it as `win_name`.

        `wait_time` in seconds, 0: until `continue_key`, or the window is closed. Without a display it is stored only,
        and the log says so. `backend` names MMEngine's two windows; here there is one.
        """
        if backend not in ("matplotlib", "cv2"):
            raise UsageError(f"show: expected backend of 'matplotlib' or 'cv2', got {backend!r}")
        picture = self.get_image() if drawn_img is None else one_picture(drawn_img, win_name)
        self.add_image(win_name, picture, step)
        show_picture(picture, win_name, wait_time, continue_key)

    def flush(self, timeout: float = 30.0) -> bool:
        """Waits until all backends have what was written so far; False when one did not in `timeout` seconds."""
        return self._fanout.flush(timeout)

    def close(self, timeout: float = 30.0, *, status: str = "finished") -> None:
        """Hands over what is left, ends every backend and reports what was lost; a second call does nothing.

        Trackers get `timeout` seconds; what they lack then is in the local run. The local run itself is waited for as
        long as it gets on.
        """
        self._fanout.close(timeout, status)

    def __enter__(self) -> Visualizer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(status=status_after(error))

    @property
    def closed(self) -> bool:
        return self._fanout.closed

    @classmethod
    def get_instance(cls, name: str, **kwargs: Any) -> Visualizer:
        """The instance of a name, made with `kwargs` when there is none, or it is closed; a new one is the current."""
        if name not in Visualizer._instances or Visualizer._instances[name].closed:
            Visualizer._instances.pop(name, None)
            Visualizer._instances[name] = cls(name=name, **kwargs)
        elif kwargs:
            warnings.warn(f"{name!r} exists already: the arguments given now have no effect", stacklevel=2)
        return Visualizer._instances[name]

    @classmethod
    def get_current_instance(cls) -> Visualizer:
        """The instance that `get_instance` made last, whatever its class."""
        if not Visualizer._instances:
            raise UsageError("no visualizer was made by get_instance yet")
        return next(reversed(Visualizer._instances.values()))

    @classmethod
    def check_instance_created(cls, name: str) -> bool:
        return name in Visualizer._instances


def _own(value: Any) -> Any:
    """A copy that later changes by the caller do not reach; tensors become arrays."""
    if isinstance(value, np.memmap):
        return value
    if isinstance(value, np.ndarray) or hasattr(value, "detach"):
        return np.array(to_numpy(value))
    if isinstance(value, Mapping):
        return {key: _own(item) for key, item in value.items()}
    return list(value) if isinstance(value, list) else value


def as_floats(values: Any, key: str) -> np.ndarray:
    """Numbers of any shape as one row of float64."""
    try:
        return np.asarray(to_numpy(values), np.float64).ravel()
    except (TypeError, ValueError) as error:
        raise RecordError(f"{key}: expected numbers, got {type(values).__name__} ({error})") from error


def counted(values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Counts `(bins,)` and edges `(bins + 1,)` of finite values; those too close to part get room around them.

    NumPy 2 refuses such values, and NumPy 1.26 makes bins without width of them.
    """
    low, high = float(values.min()), float(values.max())
    if max(-low, high) > LARGE:  # their distance may be beyond every float
        counts, edges = counted(values / 4, bins)
        return counts, 4 * edges
    least = 2 * bins * float(np.spacing(max(abs(low), abs(high))))
    if high - low < least:
        low, high = low - max(0.5, least), high + max(0.5, least)
    return np.histogram(values, bins, (low, high))


def one_picture(image: Any, key: str) -> np.ndarray:
    """A picture from one, or from a batch of them as a grid."""
    if getattr(image, "ndim", 0) == 4:
        return grid([as_picture(one, key=f"{key}[{i}]") for i, one in enumerate(image)], gap=2)
    return as_picture(image, key=key)
