"""What colours a map: classes, words, or numbers, each with the key to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from selfscope.draw.colour import GREY, SHAPES, colormap, markers, palette
from selfscope.draw.glyphs import is_drawable
from selfscope.draw.legend import Entry
from selfscope.errors import UsageError, nearest
from selfscope.records import Embedding

CLUSTER = "cluster"
"""The column of cluster numbers, -1 for points in none."""
TELLABLE = 100
"""Classes that colour and shape together still tell apart."""
_TAIL = 1.0
"""Per cent of the numbers at either end that may take the end colours, where they would stretch the range."""


@dataclass(frozen=True)
class Bar:
    """The key to a colour map."""

    name: str
    low: float
    high: float
    note: str = ""


@dataclass(frozen=True)
class Inks:
    """How each of N points is drawn, and the key to it."""

    colours: np.ndarray
    """`(N, 3)` uint8."""
    shapes: np.ndarray
    """`(N,)` indices into `colour.SHAPES`."""
    entries: tuple[Entry, ...] = ()
    bar: Bar | None = None
    pale: np.ndarray | None = None
    """`(N,)` bool: points without a label or a number, which lie below all others."""
    name: str = ""
    """The column that was asked for."""


def inks(emb: Embedding, color_by: str | None, *, span: np.ndarray | None = None) -> Inks:
    """`label`, a column, or None for one colour; data without labels has one colour as well.

    `span` are the numbers whose range the colours cover, where several maps share one; the map's own by default.
    """
    count = len(emb.coords)
    plain = Inks(np.tile(np.array(palette(1)[0], np.uint8), (count, 1)), np.zeros(count, np.intp))
    if color_by is None or (color_by == "label" and emb.labels is None and "label" not in emb.columns):
        return plain
    if color_by == "label" and emb.labels is not None:
        return _class_inks(emb.labels, _label_names(emb), str(emb.settings.get("background", "no label")))
    if color_by not in emb.columns:
        hint = nearest(color_by, ["label", *emb.columns])
        raise UsageError(f"{emb.key}: no column {color_by!r} to colour by; there are {['label', *emb.columns]}.{hint}")
    values = np.asarray(emb.columns[color_by])
    if color_by == CLUSTER and values.dtype.kind == "i":
        drawn = _class_inks(values, _cluster_names(values), missing=f"in none · {int((values < 0).sum()):,}")
        return replace(drawn, name=CLUSTER)
    if values.dtype.kind in "fiub":
        return _number_inks(values.astype(np.float64), color_by, plain.shapes, values if span is None else span)
    words = np.array(["" if value is None else str(value) for value in values.tolist()])
    names, codes = np.unique(words, return_inverse=True)
    return _class_inks(codes.reshape(-1), {i: name or "none" for i, name in enumerate(names.tolist())})


def _number_inks(values: np.ndarray, name: str, shapes: np.ndarray, span: np.ndarray) -> Inks:
    low, high, note = number_range(span.astype(np.float64))
    return Inks(colormap(values, low, high), shapes, bar=Bar(name, low, high, note), pale=np.isnan(values), name=name)


def number_range(values: np.ndarray) -> tuple[float, float, str]:
    """The range of colours: of all finite values, or of the middle 98 % where the rest would stretch it twofold."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0, 1.0, ""
    low, high = float(finite.min()), float(finite.max())
    inner_low, inner_high = (float(v) for v in np.percentile(finite, [_TAIL, 100 - _TAIL]))
    if 0 < 2 * (inner_high - inner_low) < high - low:
        return inner_low, inner_high, "1 % beyond each end"
    return low, high, ""


def _label_names(emb: Embedding) -> dict[int, str]:
    names = emb.class_names or ()
    assert emb.labels is not None
    present = np.unique(emb.labels).tolist()
    return {value: _label_name(value, names[value] if 0 <= value < len(names) else "") for value in present}


def _label_name(value: int, name: str) -> str:
    """With its number where no font has the name's letters: what stands in for them is hard to tell apart."""
    return name if name and is_drawable(name) else f"class {value}: {name}" if name else f"class {value}"


def _cluster_names(values: np.ndarray) -> dict[int, str]:
    numbers, counts = np.unique(values, return_counts=True)
    return {n: f"cluster {n + 1} · {c:,}" for n, c in zip(numbers.tolist(), counts.tolist(), strict=True)}


def _class_inks(labels: np.ndarray, names: Mapping[int, str], missing: str = "no label") -> Inks:
    unlabelled = labels < 0
    present = [value for value in np.unique(labels).tolist() if value >= 0]
    style = markers(len(present))
    colours = np.tile(np.array(GREY, np.uint8), (len(labels), 1))
    shapes = np.zeros(len(labels), np.intp)
    if present:
        position = np.searchsorted(present, labels[~unlabelled])
        colours[~unlabelled] = np.array([colour for colour, _ in style], np.uint8)[position]
        shapes[~unlabelled] = np.array([SHAPES.index(shape) for _, shape in style])[position]
    entries = [Entry(names[value], colour, shape) for value, (colour, shape) in zip(present, style, strict=True)]
    if unlabelled.any():
        entries.append(Entry(missing, GREY))
    return Inks(colours, shapes, tuple(entries), pale=unlabelled)
