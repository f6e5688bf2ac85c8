"""What every backend must do, as a function that the tests of any backend call; it needs no test framework."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from selfscope.errors import SelfscopeError
from selfscope.records import (
    Config,
    Embedding,
    Figure,
    Graph,
    Histogram,
    Picture,
    Reconstruction,
    Record,
    Sample,
    Scalars,
    Table,
    Text,
    View,
)
from selfscope.store.encode import encode_png
from selfscope.store.figures import DrawnFigure
from selfscope.visualization.backends.contract import BaseVisBackend, UnsupportedRecordError, initialise

SCALARS: Mapping[str, Sequence[tuple[int, float]]] = {
    "train/loss": [(0, 1.0), (7, 0.5), (3, -0.25)],
    "a b": [(0, 2.0), (7, 0.0), (3, 4096.0)],
    "größe": [(100, 0.125)],
}
"""What is written, in this order; the last in a second session. Every value is exact as float32."""


@dataclass(frozen=True)
class Stored:
    """What a tracker holds, as it was read back; in any order."""

    scalars: Mapping[str, Sequence[tuple[int, float]]]
    """`(step, value)` by tag."""
    pictures: Mapping[str, Sequence[tuple[int, np.ndarray]]] = field(default_factory=dict)
    """`(step, (H, W, 3) uint8 RGB)` by key; a key that is missing is not compared."""


@dataclass(frozen=True, eq=False, repr=False)
class Unheard(Record):
    """A kind that no backend knows."""

    kind: ClassVar[str] = "unheard-of"
    key: str = "x"
    step: int = 0


def records_of_every_kind() -> list[Record]:
    """One record of each kind and more of scalars and pictures, with odd sizes, spaces and letters beyond ASCII."""
    loss, other = SCALARS["train/loss"], SCALARS["a b"]
    scalars = [Scalars({"train/loss": a, "a b": b}, step) for (step, a), (_, b) in zip(loss, other, strict=True)]
    picture, coords = _picture(0), np.arange(10, dtype=np.float32).reshape(5, 2) ** 2
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), picture)
    figure = DrawnFigure({".png": encode_png(picture), ".svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>"})
    return [
        Config({"model": {"type": "MAE"}, "lr": 0.5}, "model = dict(type='MAE')\nlr = 0.5\n"),
        Graph("Linear(2, 3)", text="Linear(2, 3)"),
        *scalars,
        *(Picture("val/a picture", _picture(step), step, "words") for step in (2, 5)),
        Figure("a figure", figure, 3),
        Histogram("weights", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2),
        Table("a table", {"name": ["ä|b", "c"], "value": [1, 2.5]}, 4),
        Text("note", "# größe", 1),
        Embedding("tsne/neck", coords, np.arange(5) % 2, ("cat", "dog"), quality={"trustworthiness": 0.5}, step=6),
        Reconstruction("cat/1", panels, "MAE", metrics={"psnr": 20.5}, step=6),
        Sample("cat/2", (View(picture, name="view 1"),), step=6),
    ]


def check_backend(
    make_backend: Callable[[], BaseVisBackend], read_back: Callable[[], Stored] | None = None
) -> frozenset[str]:
    """Writes every kind in one session and a scalar in a second one; returns the kinds that the backend refused.

    `make_backend` makes the same backend twice, as two runs of one program would; `read_back` reads the tracker's own
    files after both are closed. Raises `AssertionError` where the backend changes a record, refuses otherwise than by
    `UnsupportedRecordError`, keeps silent on a kind that nobody knows, or holds other scalars or pictures.
    """
    backend = make_backend()
    assert isinstance(backend, BaseVisBackend), f"expected a BaseVisBackend, got {type(backend).__name__}"
    initialise(backend)
    assert backend.experiment is not None, "experiment is None: it must be the tracker's own object"
    refused = {record.kind for record in records_of_every_kind() if not _is_taken(backend, record)}
    assert "scalars" not in refused or "picture" not in refused, "neither scalars nor pictures are kept"
    assert not _keeps_silent(backend), "a record of a kind that nobody knows is kept silent about"
    backend.flush()
    backend.close()
    again = make_backend()
    initialise(again)
    if "scalars" not in refused:
        again.add_scalar("größe", SCALARS["größe"][0][1], SCALARS["größe"][0][0])
    again.flush()
    again.close()
    if read_back is not None:
        _compare(read_back(), refused)
    return frozenset(refused)


def _keeps_silent(backend: BaseVisBackend) -> bool:
    try:
        backend.write(Unheard())
    except SelfscopeError:
        return False
    return True


def _is_taken(backend: BaseVisBackend, record: Record) -> bool:
    arrays = {name: value.copy() for name, value in vars(record).items() if isinstance(value, np.ndarray)}
    if record.kind in backend.prepares:
        backend.prepare(record)
    try:
        backend.write(record)
    except UnsupportedRecordError:
        return False
    for name, before in arrays.items():
        assert np.array_equal(getattr(record, name), before), f"{record.kind}: {name} was changed by writing it"
    return True


def _compare(stored: Stored, refused: set[str]) -> None:
    for tag, values in SCALARS.items() if "scalars" not in refused else ():
        found = sorted((int(step), float(value)) for step, value in stored.scalars.get(tag, ()))
        assert found == sorted(values), f"{tag!r}: expected {sorted(values)}, got {found}"
    for key, pictures in stored.pictures.items():
        for step, pixels in pictures:
            assert np.array_equal(pixels, _picture(step)), f"{key!r}: the picture of step {step} is another"
    kept = sorted(int(step) for step, _ in stored.pictures.get("val/a picture", ()))
    assert kept in ([], [2, 5]), f"'val/a picture': expected pictures of steps 2 and 5, got {kept}"


def _picture(step: int) -> np.ndarray:
    return ((np.arange(7 * 5 * 3).reshape(7, 5, 3) * 11 + 40 * step) % 256).astype(np.uint8)
