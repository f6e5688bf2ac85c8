"""Records: the frozen values that views yield, backends store and notebooks show.

A record is validated when it is made, so that whoever stores it need not ask again. Pictures are `(H, W, 3)` uint8 RGB.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from selfscope.errors import RecordError
from selfscope.markup import figure_html, mapping_html
from selfscope.plain_numbers import plain_numbers, whole_step


@dataclass(frozen=True, eq=False, repr=False)
class Record:
    """One value that can be stored; `kind` names the backend method that stores it (`add_<kind>`)."""

    kind: ClassVar[str] = ""
    wall_time: float | None = field(default=None, kw_only=True)
    """Seconds since the epoch at which it was logged; None: when it is stored."""

    def __post_init__(self) -> None:
        key, step = getattr(self, "key", ""), getattr(self, "step", 0)
        if key.__class__ is not str:
            raise RecordError(f"expected text as the name of a {self.kind}, got {type(key).__name__} {key!r:.80}")
        whole = whole_step(step, key)
        if whole is not step:
            object.__setattr__(self, "step", whole)

    def __repr__(self) -> str:
        """One line: arrays by shape and dtype, long values shortened, what is empty left out."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        shown = ", ".join(f"{name}={_brief(value)}" for name, value in values.items() if _says_something(value))
        return f"{type(self).__name__}({shown})"

    def _repr_html_(self) -> str:
        """Self-contained HTML: pictures travel inside as data, nothing is fetched."""
        pictures = [figure_html(picture, title) for title, picture in self._shown()]
        return f'<div style="font:13px system-ui,sans-serif">{"".join(pictures)}{self._summary_html()}</div>'

    def _shown(self) -> list[tuple[str, np.ndarray]]:
        return []

    def _summary_html(self) -> str:
        return f"<pre>{html.escape(repr(self))}</pre>"


@dataclass(frozen=True, eq=False, repr=False, init=False)
class Scalars(Record):
    """Numbers of one step, one line of `scalars.json`."""

    kind: ClassVar[str] = "scalars"
    values: Mapping[str, float]
    step: int = 0
    file_path: str | None = None
    """A further JSON-lines file, below the local backend's folder, that gets this line too."""

    def __init__(
        self,
        values: Mapping[str, Any],
        step: int = 0,
        file_path: str | None = None,
        *,
        wall_time: float | None = None,
    ) -> None:
        """Tensors and arrays of one element become numbers."""
        self._set(plain_numbers(values), whole_step(step, "scalars"), file_path, wall_time)

    @classmethod
    def of_plain(cls, numbers: dict[str, float], step: int, file_path: str | None, wall_time: float | None) -> Scalars:
        """Of what `plain_numbers` and `whole_step` returned: nothing is checked or copied again."""
        record = cls.__new__(cls)
        record._set(numbers, step, file_path, wall_time)
        return record

    def _set(self, numbers: dict[str, float], step: int, file_path: str | None, wall_time: float | None) -> None:
        self.__dict__.update(values=MappingProxyType(numbers), step=step, file_path=file_path, wall_time=wall_time)


@dataclass(frozen=True, eq=False, repr=False)
class Picture(Record):
    """A picture to show, `(H, W, 3)` uint8 RGB."""

    kind: ClassVar[str] = "picture"
    key: str
    pixels: np.ndarray
    step: int = 0
    caption: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_picture(self.pixels, self.key)

    def _shown(self) -> list[tuple[str, np.ndarray]]:
        return [(self.caption or self.key, self.pixels)]

    def _summary_html(self) -> str:
        return ""


@dataclass(frozen=True, eq=False, repr=False)
class Figure(Record):
    """A matplotlib or Plotly figure object; drawn to files when it is stored."""

    kind: ClassVar[str] = "figure"
    key: str
    figure: Any
    step: int = 0
    caption: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Histogram(Record):
    """Counts `(n,)` between edges `(n + 1,)`."""

    kind: ClassVar[str] = "histogram"
    key: str
    counts: np.ndarray
    edges: np.ndarray
    step: int = 0
    caption: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.counts.ndim != 1 or self.edges.shape != (len(self.counts) + 1,):
            raise RecordError(
                f"{self.key}: expected counts (n,) and edges (n + 1,), got {self.counts.shape} and {self.edges.shape}"
            )


@dataclass(frozen=True, eq=False, repr=False)
class Table(Record):
    """Named columns of one length."""

    kind: ClassVar[str] = "table"
    key: str
    columns: Mapping[str, Sequence[Any]]
    step: int = 0
    caption: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        unsized = [name for name, column in self.columns.items() if not hasattr(column, "__len__")]
        if unsized:
            raise RecordError(f"{self.key}: expected a sequence for column {unsized[0]!r}, got one value")
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise RecordError(f"{self.key}: expected columns of one length, got {lengths}")
        freeze(self, columns=dict(self.columns))


@dataclass(frozen=True, eq=False, repr=False)
class Text(Record):
    """Markdown."""

    kind: ClassVar[str] = "text"
    key: str
    text: str
    step: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Config(Record):
    """A config: the values, and the Python source that evaluates to them."""

    kind: ClassVar[str] = "config"
    values: Mapping[str, Any]
    source: str


@dataclass(frozen=True, eq=False, repr=False)
class Graph(Record):
    """A model's structure: the module itself for backends that trace it, and its text for all others."""

    kind: ClassVar[str] = "graph"
    model: Any
    inputs: Any = None
    text: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Embedding(Record):
    """A map: coords `(N, 1..3)` of N items, with what is needed to read it honestly."""

    kind: ClassVar[str] = "embedding"
    key: str
    coords: np.ndarray
    """`(N, 1..3)` float32."""
    labels: np.ndarray | None = None
    """`(N,)` int64."""
    class_names: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    columns: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Further `(N,)` values an item: trust, recall, norm, …"""
    quality: Mapping[str, float] = field(default_factory=dict)
    """`trustworthiness`, `continuity`, `knn_recall`, `kl_divergence`, …: see the metrics page."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`method`, `metric`, `n`, `d`, `perplexity`, `seed`, `stage`, `model`, `trained`, …: what made the map."""
    features: Mapping[str, np.ndarray] = field(default_factory=dict)
    """The `(N, D)` features the map was made from, by stage; may be empty."""
    thumbnails: Mapping[int, np.ndarray] = field(default_factory=dict)
    """Small pictures `(H, W, 3)` uint8 RGB by the number of their item; of some items, all, or none."""
    step: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.coords.ndim != 2 or self.coords.shape[1] not in (1, 2, 3):
            raise RecordError(f"{self.key}: expected coords (N, 1..3), got {self.coords.shape}")
        parts = {"labels": self.labels, "paths": self.paths, **self.columns, **self.features}
        for name, values in parts.items():
            if values is not None and len(values) != len(self.coords):
                raise RecordError(f"{self.key}: {len(values)} {name} for {len(self.coords)} points")
        if self.labels is not None and np.asarray(self.labels).dtype.kind not in "iub":
            given = np.asarray(self.labels).dtype
            raise RecordError(f"{self.key}: expected labels of whole numbers, got {given}: names go to class_names")
        strangers = [i for i in self.thumbnails if not 0 <= i < len(self.coords)]
        if strangers:
            raise RecordError(f"{self.key}: a thumbnail of item {strangers[0]} among {len(self.coords)}")
        freeze(self, columns=dict(self.columns), quality=dict(self.quality), settings=dict(self.settings))

    def plot(self, **options: Any) -> np.ndarray:
        """The map as a picture, with legend and caption; options are those of `selfscope.draw.scatter`."""
        from selfscope.draw.scatter import embedding_picture

        return embedding_picture(self, **options)

    def _shown(self) -> list[tuple[str, np.ndarray]]:
        return [(self.key, self.plot())]

    def _summary_html(self) -> str:
        return mapping_html({**self.settings, **self.quality})


@dataclass(frozen=True, eq=False, repr=False)
class Reconstruction(Record):
    """What a masked-image model makes of one image: four panels, the numbers, and every word needed to read them."""

    kind: ClassVar[str] = "reconstruction"
    key: str
    pictures: Mapping[str, np.ndarray]
    """`original`, `masked`, `reconstruction`, `pasted`: `(H, W, 3)` uint8, in this order."""
    method: str
    """`MAE`, `SimMIM`, `MaskFeat`, …"""
    notes: tuple[str, ...] = ()
    """Sentences that must stand on the picture: `untrained`, `uses the original's patch statistics`, …"""
    metrics: Mapping[str, float] = field(default_factory=dict)
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)
    """`input` (3, H, W) float32 normalised RGB, `mask` on the model's grid, `features`, `pred` (H, W, 3)."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`path`, `seed`, `mask_ratio`, `pixel_stats`, `checkpoint`, `trained`, …"""
    step: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, picture in self.pictures.items():
            check_picture(picture, f"{self.key}/{name}")
        freeze(self, pictures=dict(self.pictures), metrics=dict(self.metrics))
        freeze(self, arrays=dict(self.arrays), settings=dict(self.settings))

    def plot(self, **options: Any) -> np.ndarray:
        """The panels side by side with their titles and notes; options are those of `selfscope.draw.sample`."""
        from selfscope.draw.sample import reconstruction_picture

        return reconstruction_picture(self, **options)

    def _shown(self) -> list[tuple[str, np.ndarray]]:
        return [(self.key, self.plot())]

    def _summary_html(self) -> str:
        return mapping_html({"method": self.method, **self.settings, **self.metrics})


@dataclass(frozen=True)
class Step:
    """One transform as it was applied to one view, with what it drew."""

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    picture: np.ndarray | None = field(default=None, compare=False, repr=False)
    """What it made, `(H, W, 3)` uint8 RGB; kept in the mode `pipeline` alone."""


@dataclass(frozen=True, eq=False, repr=False)
class View:
    """One augmented version of an image, as the model will see it before normalisation."""

    picture: np.ndarray
    """`(H, W, 3)` uint8 RGB."""
    crop: tuple[float, float, float, float] | None = None
    """`x, y, w, h` of what the view shows, in pixels of the upright original; None when that is not known."""
    flip: str | None = None
    """`horizontal`, `vertical`, `diagonal`, or None."""
    steps: tuple[Step, ...] = ()
    name: str = ""
    """`view 1`, `90°`, `patch 3`, …: what stands under the picture."""

    def __post_init__(self) -> None:
        check_picture(self.picture, self.name or "view")

    __repr__ = Record.__repr__


@dataclass(frozen=True, eq=False, repr=False)
class Sample(Record):
    """One item of a data set as a self-supervised pipeline hands it to the model, with everything that was sampled."""

    kind: ClassVar[str] = "sample"
    key: str
    """Unique in its data set: the path below the data root, without suffix, or `<index>`."""
    views: tuple[View, ...]
    path: str | None = None
    index: int = 0
    label: int | None = None
    label_name: str | None = None
    original: np.ndarray | None = None
    """The upright picture before any transform, `(H, W, 3)` uint8 RGB."""
    mask: np.ndarray | None = None
    """`(h, w)` uint8 of patches, 1 = removed, over the first view."""
    boxes: np.ndarray | None = None
    """`(n, 4)` xyxy patch boxes on `boxed`, for pretext tasks on patches."""
    boxed: np.ndarray | None = None
    """The picture that `boxes` lie on."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`seed`, `epoch`, `pipeline`, …: replays the sample exactly."""
    step: int = 0
    derived: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Pictures that the model makes of its views itself, by name: what it predicts, or is fed in their place."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.views:
            raise RecordError(f"{self.key}: a sample needs at least one view")
        if self.mask is not None and self.mask.ndim != 2:
            raise RecordError(f"{self.key}: expected a mask (h, w), got {self.mask.shape}")
        if self.boxes is not None and (self.boxes.ndim != 2 or self.boxes.shape[1] != 4):
            raise RecordError(f"{self.key}: expected boxes (n, 4) xyxy, got {self.boxes.shape}")
        for name, picture in self.derived.items():
            check_picture(picture, f"{self.key}: {name}")

    def plot(self, **options: Any) -> np.ndarray:
        """What the model sees, panels side by side; options are those of `selfscope.draw.sample`."""
        from selfscope.draw.sample import sample_picture

        return sample_picture(self, **options)

    def _shown(self) -> list[tuple[str, np.ndarray]]:
        return [(self.key, self.plot())]

    def _summary_html(self) -> str:
        rows = [
            (view.name or f"view {i}", step.name, ", ".join(f"{k} {_brief(v)}" for k, v in step.params.items()))
            for i, view in enumerate(self.views, 1)
            for step in view.steps
        ]
        cells = "".join("<tr>" + "".join(f"<td>{html.escape(str(c))}</td>" for c in row) + "</tr>" for row in rows)
        return f"<details><summary>what was sampled</summary><table>{cells}</table></details>"


def check_picture(pixels: np.ndarray, key: str) -> None:
    """Refuses anything but `(H, W, 3)` uint8 with at least one pixel, in one sentence that says what was given."""
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        given = f"{pixels.dtype} {tuple(pixels.shape)}" if hasattr(pixels, "shape") else type(pixels).__name__
        raise RecordError(f"{key}: expected (H, W, 3) uint8 RGB, got {given}")
    if 0 in pixels.shape:
        raise RecordError(f"{key}: expected at least one pixel, got {tuple(pixels.shape)}")


def _says_something(value: Any) -> bool:
    return value is not None and not (isinstance(value, (str, tuple, Mapping)) and len(value) == 0)


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_brief(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (tuple, list)) and len(value) > 4:
        return f"<{len(value)} {type(value[0]).__name__}>"
    if isinstance(value, (Record, View)):
        return type(value).__name__
    text = f"{value:.4g}" if isinstance(value, float) else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def freeze(record: Record, **mappings: dict[str, Any]) -> None:
    """Gives a frozen record read-only views of its mappings."""
    for name, value in mappings.items():
        object.__setattr__(record, name, MappingProxyType(value))
