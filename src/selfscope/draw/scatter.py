"""The picture of a map: points, a key with the real class names, and the numbers without which a map cannot be read.

There are no axes: the position, turn and scale of a t-SNE or UMAP map mean nothing, and neither do the distances
between far groups.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from selfscope.draw.canvas import RULE, SOFT, Canvas
from selfscope.draw.colour import GREY, SHAPES, colormap, markers, palette, value_range
from selfscope.draw.compose import page, side_by_side, stack
from selfscope.draw.glyphs import line_height
from selfscope.draw.legend import Entry, class_legend, colour_bar, names_all
from selfscope.draw.splat import Look, splat
from selfscope.errors import UsageError, nearest
from selfscope.records import Embedding

_METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA", "pacmap": "PaCMAP"}
_QUALITY = {
    "trustworthiness": "trustworthiness {:.3f}",
    "continuity": "continuity {:.3f}",
    "knn_recall": "{k}-NN recall {:.3f}",
    "kl_divergence": "KL {:.3f}",
}
_SETTINGS = {
    "metric": "{} distance",
    "perplexity": "perplexity {:g}",
    "n_neighbors": "{} neighbours",
    "seed": "seed {}",
}


@dataclass(frozen=True)
class Inks:
    """How each of N points is drawn, and the key to it."""

    colours: np.ndarray
    """`(N, 3)` uint8."""
    shapes: np.ndarray
    """`(N,)` indices into `colour.SHAPES`."""
    entries: tuple[Entry, ...] = ()
    bar: tuple[str, float, float] | None = None
    """Name, lowest and highest value of a colour map."""
    pale: np.ndarray | None = None
    """`(N,)` bool: points without a label or a number, which lie below all others."""


def embedding_picture(
    emb: Embedding,
    *,
    width: int = 1600,
    colour_by: str | None = "label",
    legend: bool | None = None,
    title: str | None = None,
    point_size: float | None = None,
    alpha: float | None = None,
) -> np.ndarray:
    """The map on white paper, `width` pixels wide: points, key, and a caption with method, settings and trust.

    `colour_by` is `label`, the name of one of the record's columns (numbers get a colour map, words get classes), or
    None for one colour; data without labels has one colour as well. Classes beyond twenty differ in shape too. The key
    is left out where `legend` is False; None names as many classes as there is room for beside the map and counts the
    others; True names all of them, below the map where they do not fit beside it.

    Both axes have one scale. One-dimensional maps are drawn as a strip whose height only keeps points apart;
    three-dimensional ones as three projections and an oblique view. `point_size` is a diameter in pixels; with many
    points they become smaller and more transparent. Points with a coordinate that is not finite are counted.
    """
    if width < 200:
        raise UsageError(f"embedding_picture: expected a width of at least 200 pixels, got {width}")
    size = max(11, round(width / 92))
    inks = _inks(emb, colour_by)
    room = {"height": round(width * 0.55), "max_width": width * 2 // 5}
    below = bool(legend) and not names_all(inks.entries, **room, size=size)
    key = _key(inks, **room, size=size) if legend is not False and not below else None
    whole = width - 2 * (size + 3)
    left = whole - (0 if key is None else key.shape[1] + 2 * size)
    body = _map(emb.coords, inks, left, size, point_size=point_size, alpha=alpha)
    if below:
        names = class_legend(inks.entries, height=None, max_width=whole, size=size)
        body = stack([body, names], gap=size, align="start")
    elif key is not None:
        body = side_by_side([body, key], gap=2 * size, align="start")
    notes = ["untrained: random weights"] if emb.settings.get("trained") is False else []
    notes += [str(note) for note in emb.settings.get("notes") or () if str(note) not in notes]
    heading = _title(emb) if title is None else title
    return page(body, title=heading, notes=notes, footer=caption(emb), size=size)


def caption(emb: Embedding) -> list[str]:
    """The lines under a map: what was mapped and how, then how far it can be trusted."""
    count, settings = len(emb.coords), emb.settings
    made = [f"N = {count:,}"]
    if settings.get("d") is not None:
        made.append(f"D = {settings['d']:,}")
    made += [text.format(settings[name]) for name, text in _SETTINGS.items() if settings.get(name) is not None]
    if settings.get("perplexity_asked", settings.get("perplexity")) != settings.get("perplexity"):
        made.append(f"perplexity {settings['perplexity_asked']:g} asked for, too much for so few points")
    if settings.get("checkpoint"):
        made.append(PurePath(str(settings["checkpoint"])).name)
    if emb.coords.shape[1] == 1:
        made.append("height only keeps points apart")
    lost = int((~np.isfinite(emb.coords).all(axis=1)).sum())
    if lost:
        made.append(f"{lost:,} points without finite coordinates are not drawn")
    return [" · ".join(made), _trust(emb.quality, count)]


def _trust(quality: Mapping[str, float], count: int) -> str:
    """The numbers, with how many neighbours (`k`) and points (`queries`) they were measured at."""
    near = f"{quality.get('k', 10):g}"
    known = [text.format(quality[name], k=near) for name, text in _QUALITY.items() if name in quality]
    rest = {name: value for name, value in quality.items() if name not in (*_QUALITY, "k", "queries")}
    others = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in rest.items()]
    missing = [] if "trustworthiness" in quality else ["trustworthiness not measured"]
    asked = quality.get("queries", count)
    sampled = [f"measured at {asked:,.0f} of the points"] if asked < count else []
    return " · ".join(missing + known + others + sampled)


def _title(emb: Embedding) -> str:
    method = str(emb.settings.get("method", "")).lower()
    parts = [_METHODS.get(method, emb.settings.get("method") or emb.key)]
    parts += [str(emb.settings[name]) for name in ("model", "stage") if emb.settings.get(name)]
    return " · ".join(str(part) for part in parts)


def _inks(emb: Embedding, colour_by: str | None) -> Inks:
    count = len(emb.coords)
    plain = Inks(np.tile(np.array(palette(1)[0], np.uint8), (count, 1)), np.zeros(count, np.intp))
    if colour_by is None or (colour_by == "label" and emb.labels is None and "label" not in emb.columns):
        return plain
    if colour_by == "label" and emb.labels is not None:
        return _class_inks(emb.labels, _label_names(emb), unlabelled=emb.labels < 0)
    if colour_by not in emb.columns:
        hint = nearest(colour_by, ["label", *emb.columns])
        raise UsageError(f"{emb.key}: no column {colour_by!r} to colour by; there are {['label', *emb.columns]}.{hint}")
    values = np.asarray(emb.columns[colour_by])
    if values.dtype.kind in "fiu":
        low, high = value_range(values.astype(float))
        return Inks(colormap(values), plain.shapes, bar=(colour_by, low, high), pale=np.isnan(values.astype(float)))
    names, codes = np.unique(values.astype(str), return_inverse=True)
    return _class_inks(codes, {i: name or "none" for i, name in enumerate(names.tolist())}, unlabelled=codes < 0)


def _label_names(emb: Embedding) -> dict[int, str]:
    names = emb.class_names or ()
    assert emb.labels is not None
    present = np.unique(emb.labels).tolist()
    return {value: names[value] if 0 <= value < len(names) else f"class {value}" for value in present}


def _class_inks(labels: np.ndarray, names: Mapping[int, str], unlabelled: np.ndarray) -> Inks:
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
        entries.append(Entry("no label", GREY))
    return Inks(colours, shapes, tuple(entries), pale=unlabelled)


def _key(inks: Inks, *, height: int, max_width: int, size: int) -> np.ndarray | None:
    if inks.bar is not None:
        name, low, high = inks.bar
        missing = inks.pale is not None and bool(inks.pale.any())
        return colour_bar(low, high, name=name, height=height // 2, size=size, missing=missing)
    if inks.entries:
        return class_legend(inks.entries, height=height, max_width=max_width, size=size)
    return None


def _map(
    coords: np.ndarray, inks: Inks, width: int, size: int, *, point_size: float | None, alpha: float | None
) -> np.ndarray:
    """The framed map, `width` pixels wide; its height follows the data, within limits."""
    coords = np.asarray(coords, dtype=np.float64)
    if coords.shape[1] == 1:
        flat = np.stack([coords[:, 0], np.zeros(len(coords))], axis=1)
        spread = np.random.default_rng(0).uniform(-1, 1, len(coords))
        return _panel(flat, inks, width, max(60, width // 6), point_size, alpha, spread=spread)
    if coords.shape[1] == 2:
        low, high = _extent(coords)
        ratio = float(np.clip((high - low)[1] / (high - low)[0], 0.55, 0.9))
        return _panel(coords, inks, width, round(width * ratio), point_size, alpha)
    return _four_views(coords, inks, width, size, point_size=point_size, alpha=alpha)


def _four_views(
    coords: np.ndarray, inks: Inks, width: int, size: int, *, point_size: float | None, alpha: float | None
) -> np.ndarray:
    """Projections along each axis, and an oblique view, each named."""
    turn, tilt = np.deg2rad(35), np.deg2rad(25)
    across = np.array((np.cos(turn), np.sin(turn), 0))
    up = np.array((-np.sin(tilt) * np.sin(turn), np.sin(tilt) * np.cos(turn), np.cos(tilt)))
    axes = np.eye(3)
    views = [
        ("1, 2", axes[0], axes[1]),
        ("1, 3", axes[0], axes[2]),
        ("3, 2", axes[2], axes[1]),
        ("oblique", across, up),
    ]
    side = (width - size) // 2
    tall = round(side * 0.75)
    canvas = Canvas.blank(2 * (tall + line_height(size)) + size, width)
    for i, (name, x, y) in enumerate(views):
        left, top = i % 2 * (side + size), i // 2 * (tall + line_height(size) + size)
        words = name if name == "oblique" else f"dimensions {name}"
        canvas.text(left, top, words, size, SOFT)
        flat = np.stack([coords @ x, coords @ y], axis=1)
        canvas.paste(_panel(flat, inks, side, tall, point_size, alpha), left, top + line_height(size))
    return canvas.pixels


def _panel(
    coords: np.ndarray,
    inks: Inks,
    width: int,
    height: int,
    point_size: float | None,
    alpha: float | None,
    *,
    spread: np.ndarray | None = None,
) -> np.ndarray:
    """One framed projection; `spread` (N,) in ±1 moves points up and down over the whole height."""
    canvas = Canvas.blank(height, width)
    finite = np.isfinite(coords).all(axis=1)
    diameter = point_size or float(
        np.clip(0.52 * np.sqrt(width * height / max(1, finite.sum())), 2.2, max(5, width / 110))
    )
    margin = diameter + width * 0.02
    low, high = _extent(coords)
    across, down = (width - 2 * margin) / (high - low)[0], (height - 2 * margin) / (high - low)[1]
    scale = across if spread is not None else min(across, down)
    points = (coords - (low + high) / 2) * (scale, -scale) + (width / 2, height / 2)
    if spread is not None:
        points[:, 1] += spread * (height / 2 - margin)
    if alpha is None:
        alpha = _opacity(points[finite], diameter)
    halo = 0.75 if diameter >= 6 else 0.0
    pale = np.zeros(len(points), bool) if inks.pale is None else inks.pale
    for layer, strength in ((pale, 0.7), (~pale, 1.0)):
        look = Look(diameter, alpha * strength, halo)
        splat(canvas, points[layer], inks.colours[layer], inks.shapes[layer], look=look)
    canvas.frame((0, 0, width, height), RULE)
    return canvas.pixels


def _extent(coords: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest finite coordinates; an axis without extent, and an empty map, get some room."""
    finite = coords[np.isfinite(coords).all(axis=1)]
    if not len(finite):
        return np.zeros(2), np.ones(2)
    low, high = finite.min(axis=0), finite.max(axis=0)
    span = high - low
    room = np.where(span > 1e-9 * max(float(np.abs(finite).max()), 1e-300), 0, span.max() / 2 or 0.5)
    return low - room, high + room


def _opacity(points: np.ndarray, diameter: float) -> float:
    """Less where a point typically shares its place with many others: the median over points, on cells of its size."""
    if not len(points):
        return 1.0
    cells = np.floor(points / max(diameter, 1.0)).astype(np.int64)
    _, owner, counts = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    crowd = float(np.median(counts[owner.reshape(-1)]))
    return float(np.clip(1.15 / np.sqrt(crowd), 0.25, 0.9))


def demo_embedding(classes: int = 12, count: int = 1200) -> Embedding:
    """Clouds of points, for trying things out."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, count)
    centres = rng.normal(0, 6, (classes, 2))
    coords = (centres[labels] + rng.normal(0, 1, (count, 2))).astype(np.float32)
    return Embedding(
        "demo",
        coords,
        labels=labels,
        class_names=tuple(f"class {i}" for i in range(classes)),
        quality={"trustworthiness": 0.98},
        settings={"method": "tsne", "metric": "euclidean", "perplexity": 30, "seed": 0, "d": 2},
    )


if __name__ == "__main__":
    from selfscope.draw.show import demonstrate

    demonstrate(embedding_picture(demo_embedding(), width=1000))
