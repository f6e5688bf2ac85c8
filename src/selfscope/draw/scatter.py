"""The picture of a map: points, a key with the real class names, and the numbers without which a map cannot be read.

There are no axes: the position, turn and scale of a t-SNE or UMAP map mean nothing, and neither do the distances
between far groups.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from selfscope.draw.density import DENSE
from selfscope.draw.legend import class_key, colour_key, names_all
from selfscope.draw.map_inks import CLUSTER, TELLABLE, Inks, inks
from selfscope.draw.map_panels import Style, map_scene
from selfscope.draw.map_words import MEANINGS, caption, notes
from selfscope.draw.map_words import title as map_title
from selfscope.draw.scene import Scene, raster
from selfscope.draw.sheet import sheet
from selfscope.errors import UsageError
from selfscope.records import Embedding

__all__ = ["caption", "embedding_picture", "embedding_scene", "map_file"]

PRINT = {"width": 1000, "text_size": 15}
"""Of vector files: on a page seven inches wide letters have seven and a half points."""


def embedding_picture(emb: Embedding, **options: Any) -> np.ndarray:
    """The map on white paper, `(H, W, 3)` uint8; options are those of `embedding_scene`."""
    return raster(embedding_scene(emb, **options))


def map_file(emb: Embedding, suffix: str, **options: Any) -> bytes:
    """The map as a `.svg` or `.pdf` file, seven inches wide; options are those of `embedding_scene`."""
    return vector_writer(suffix)(embedding_scene(emb, **{**PRINT, **options}))


def vector_writer(suffix: str) -> Callable[[Scene], bytes]:
    if suffix == ".svg":
        from selfscope.draw.svg import svg

        return svg
    if suffix == ".pdf":
        from selfscope.draw.pdf import pdf

        return pdf
    raise UsageError(f"expected a vector format .svg or .pdf, got {suffix!r}")


@dataclass(frozen=True)
class MapFigure:
    """What a figure of a map shows; its call makes the scene."""

    width: int = 1600
    color_by: str | None = "label"
    """`label`, the name of one of the record's columns (numbers get a colour map, words get classes), or None for one
    colour; data without labels has one colour as well. Classes beyond twenty differ in shape too."""
    legend: bool | None = None
    """False: no key. None: as many classes as there is room for beside the map, and the others counted. True: all of
    them, below the map where they do not fit beside it."""
    title: str | None = None
    point_size: float | None = None
    """Diameter in pixels; by default less with many points, which also become more transparent."""
    alpha: float | None = None
    thumbnails: Mapping[int, np.ndarray] | None = None
    """Pictures `(H, W, 3)` by the number of their point, drawn near it."""
    text_size: int | None = None

    def __post_init__(self) -> None:
        if self.width < 200:
            raise UsageError(f"embedding_picture: expected a width of at least 200 pixels, got {self.width}")

    @property
    def size(self) -> int:
        """Of the text, in pixels."""
        return self.text_size or max(11, round(self.width / 92))

    def __call__(self, emb: Embedding) -> Scene:
        drawn = inks(emb, self.color_by)
        heading = map_title(emb) if self.title is None else self.title
        body = self._body(emb, drawn)
        return sheet(body, title=heading, notes=notes(emb), footer=_footer(emb, drawn), size=self.size)

    def _body(self, emb: Embedding, drawn: Inks) -> Scene:
        """The map with its key beside it, or below it where all classes are asked for and do not fit beside."""
        size, height, most = self.size, round(self.width * 0.55), self.width * 2 // 5
        whole = self.width - 2 * (size + 3)
        below = bool(self.legend) and not names_all(drawn.entries, height=height, max_width=most, size=size)
        key = _key(drawn, height, most, size) if self.legend is not False and not below else None
        style = Style(self.point_size, self.alpha, self.thumbnails or {})
        panel = map_scene(emb.coords, drawn, whole - (0 if key is None else key.width + 2 * size), size, style)
        if below:
            key = class_key(drawn.entries, height=None, max_width=whole, size=size)
            scene = Scene(panel.height + size + key.height, whole)
            scene.paste(key, 0, panel.height + size)
        else:
            scene = Scene(max(panel.height, key.height if key else 0), whole)
            if key is not None:
                scene.paste(key, panel.width + 2 * size, 0)
        scene.paste(panel, 0, 0)
        return scene


def embedding_scene(emb: Embedding, **options: Any) -> Scene:
    """The map with its key, and a caption with method, settings and trust; options are those of `MapFigure`.

    Both axes have one scale. One-dimensional maps are drawn as a strip whose height only keeps points apart;
    three-dimensional ones as three projections and an oblique view. From 100,000 points on the map is shaded by their
    density. Points with a coordinate that is not finite are counted.
    """
    return MapFigure(**options)(emb)


def _key(drawn: Inks, height: int, max_width: int, size: int) -> Scene | None:
    if drawn.bar is not None:
        bar, missing = drawn.bar, drawn.pale is not None and bool(drawn.pale.any())
        return colour_key(
            bar.low, bar.high, name=bar.name, height=height // 2, size=size, missing=missing, note=bar.note
        )
    if drawn.entries:
        return class_key(drawn.entries, height=height, max_width=max_width, size=size)
    return None


def _footer(emb: Embedding, drawn: Inks) -> list[str]:
    meaning = MEANINGS.get(drawn.name)
    said = emb.settings.get("clusters", {}).get("said", "") if drawn.name == CLUSTER else ""
    if said and not any(said in note for note in notes(emb)):
        meaning = f"{meaning}: {said}"
    return [*([f"coloured by {meaning}"] if meaning else []), *caption(emb, _read_with_care(emb, drawn))]


def _read_with_care(emb: Embedding, drawn: Inks) -> list[str]:
    """What the picture itself cannot show."""
    said = []
    if len(emb.coords) >= DENSE:
        said.append("stronger where more points lie")
    if len(drawn.entries) > TELLABLE:
        said.append(f"{len(drawn.entries):,} classes are more than colours and shapes tell apart")
    return said


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
