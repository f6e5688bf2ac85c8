"""Two or more encoders on the same images: how alike their feature spaces are, and which images moved most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from selfscope.draw.compose import Cell, contact_sheet, page, side_by_side, stack
from selfscope.draw.matrix import matrix_picture
from selfscope.draw.picture import resize
from selfscope.embedding.likeness import chance_jaccard, jaccard, linear_cka, nearest_items
from selfscope.embedding.spectrum import FIT, alpha_req, feature_std, rankme, uniformity
from selfscope.errors import DataError, UsageError
from selfscope.markup import mapping_html
from selfscope.records import Picture, Record, Table
from selfscope.structures import Features
from selfscope.views.matching import matched
from selfscope.views.told_apart import source_of, told_apart

MOVED = 12
"""Images that a picture of what moved shows."""
NEIGHBOURS_SHOWN = 5
THUMBNAIL = 96


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """What M feature spaces of the same N items have in common, and what each is like by itself."""

    names: tuple[str, ...]
    cka: np.ndarray
    """`(M, M)`: linear CKA, unbiased."""
    shared: np.ndarray
    """`(M, M)`: mean Jaccard overlap of the k nearest neighbours."""
    spaces: Mapping[str, Sequence[float]]
    """A column a number, a row a space: `dimensions`, `rankme`, `alpha_req`, `uniformity`, `feature_std`."""
    overlap: np.ndarray
    """`(N,)`: of every item, the Jaccard overlap of its neighbours in the first and in the last space."""
    nearest: tuple[np.ndarray, np.ndarray]
    """`(N, k)` items, nearest first, in the first and in the last space."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """`n`, `k`, `metric`, `chance` (what unrelated spaces would share), `alpha_fit`."""
    paths: tuple[str, ...] | None = None

    def __repr__(self) -> str:
        return f"Comparison({' × '.join(self.names)}: {self.settings['n']} items)\n{self.text()}"

    def _repr_html_(self) -> str:
        rows = {
            f"{a} · {b}": f"CKA {self.cka[i, j]:.3f}, shared {self.shared[i, j]:.3f}" for i, j, a, b in self._pairs()
        }
        return mapping_html({**rows, **self.settings})

    @property
    def moved(self) -> np.ndarray:
        """`(N,)` items, those first whose neighbours changed most between the first and the last space.

        Equals stand in an order drawn by lot, the same each time: in the data set's own, one class would come first.
        """
        lot = np.random.default_rng(0).permutation(len(self.overlap))
        return lot[np.argsort(self.overlap[lot], kind="stable")]

    def text(self) -> str:
        """The numbers as a table of plain text, with what is needed to read them."""
        width = max(len(name) for name in self.names)
        heads = [name.replace("_", " ") for name in self.spaces]
        lines = ["    " + " " * width + "".join(f"{head:>13s}" for head in heads)]
        for i, name in enumerate(self.names):
            cells = "".join(f"{column[i]:13.4g}" for column in self.spaces.values())
            lines.append(f"{i + 1:2d}  {name:{width}s}{cells}")
        lines += [
            f"{a} · {b}: CKA {self.cka[i, j]:.3f}, neighbours shared {self.shared[i, j]:.3f}"
            for i, j, a, b in self._pairs()
        ]
        return "\n".join([*lines, self.caption()])

    def caption(self) -> str:
        n, k, metric, chance = (self.settings[name] for name in ("n", "k", "metric", "chance"))
        first, last = self.settings["alpha_fit"]
        return (
            f"N {n:,}, {k} nearest by {metric} distance, of which unrelated spaces share {chance:.3f}; "
            f"CKA linear and unbiased; RankMe grows with N; alpha fitted from the {first}th to the {last}th eigenvalue"
        )

    def plot(self) -> np.ndarray:
        """Both tables of likeness, side by side."""
        tables = [
            matrix_picture(self.cka, self.names, title="linear CKA (unbiased)"),
            matrix_picture(self.shared, self.names, title=f"share of the {self.settings['k']} nearest neighbours"),
        ]
        return page(side_by_side(tables, gap=24, align="start"), footer=[self.caption()], size=16)

    def plot_moved(self, read: Any = None) -> np.ndarray:
        """The images whose neighbours changed most, each beside its nearest in the first and in the last space.

        `read` turns a path into a picture `(H, W, 3)` uint8; files are read by default.
        """
        if self.paths is None:
            raise UsageError("what moved can be shown only for features that know their images' paths")
        if read is None:
            from selfscope.data.picture import read_picture as read
        rows = [self._moved_row(int(item), read) for item in self.moved[:MOVED]]
        title = f"the {len(rows)} images whose neighbours changed most"
        rule = (
            f"Upper row: nearest in {self.names[0]}; lower row: nearest in {self.names[-1]}. Middle squares are shown."
        )
        footer = [rule, *self._tied(len(rows)), self.caption()]
        return contact_sheet(rows, columns=2 if len(rows) > 3 else 1, title=title, footer=footer)

    def records(self, key: str = "compare") -> Iterator[Record]:
        """Everything as records that any backend stores: two tables, a picture, and what moved."""
        yield Table(f"{key}/spaces", {"name": list(self.names), **self.spaces}, caption=self.caption())
        pairs = list(self._pairs())
        yield Table(
            f"{key}/pairs",
            {
                "a": [a for _, _, a, _ in pairs],
                "b": [b for _, _, _, b in pairs],
                "cka": [float(self.cka[i, j]) for i, j, _, _ in pairs],
                "neighbours_shared": [float(self.shared[i, j]) for i, j, _, _ in pairs],
            },
            caption=self.caption(),
        )
        items: dict[str, Any] = {"item": np.arange(len(self.overlap)), "neighbours_shared": self.overlap}
        if self.paths is not None:
            items["path"] = list(self.paths)
        yield Table(f"{key}/items", items, caption=f"{self.names[0]} and {self.names[-1]}")
        yield Picture(f"{key}/likeness", self.plot(), caption=self.caption())

    def _tied(self, shown: int) -> list[str]:
        """A sentence where chance decides which of equally changed images are among the first."""
        ordered = self.overlap[self.moved]
        if shown == len(ordered) or ordered[shown - 1] != ordered[shown]:
            return []
        alike = int((ordered == ordered[shown]).sum())
        return [f"{alike:,} images share {ordered[shown]:.2f}: which of them are here was drawn by lot."]

    def _pairs(self) -> Iterator[tuple[int, int, str, str]]:
        count = len(self.names)
        yield from ((i, j, self.names[i], self.names[j]) for i in range(count) for j in range(i + 1, count))

    def _moved_row(self, item: int, read: Any) -> Cell:
        assert self.paths is not None
        rows = []
        for near in self.nearest:
            shown = near[item, :NEIGHBOURS_SHOWN].tolist()
            rows.append(side_by_side([_thumbnail(read(self.paths[i]), THUMBNAIL) for i in shown], gap=4))
        asked = _thumbnail(read(self.paths[item]), 2 * THUMBNAIL + 4)
        path = Path(self.paths[item])
        words = f"{path.parent.name}/{path.name}: shares {self.overlap[item]:.2f} of its neighbours"
        return side_by_side([asked, stack(rows, gap=4)], gap=12), words


def compare(
    *given: Features | Any,
    names: Sequence[str] | None = None,
    stage: str | None = None,
    k: int = 10,
    metric: str = "cosine",
) -> Comparison:
    """Compares two or more `Features` (or `(N, D)` arrays) of the same images.

    Features that know their paths are matched by them, in any order; otherwise row by row. `stage` chooses among
    several arrays (default: each one's first). Numbers of a single space compare at one N only.
    """
    if len(given) < 2:
        raise UsageError(f"compare: expected at least two feature spaces, got {len(given)}")
    if isinstance(k, bool) or k < 1:
        raise UsageError(f"compare: k: expected a whole number of at least 1, got {k}")
    spaces = [value if isinstance(value, Features) else Features({"features": np.asarray(value)}) for value in given]
    named = _names(spaces, names)
    arrays = matched(spaces, [_array(space, stage) for space in spaces], named)
    n = len(arrays[0])
    if n < 4:
        raise DataError(f"compare: expected at least 4 images, got {n}")
    k = min(k, n - 1)
    near = [nearest_items(array, k, metric) for array in arrays]
    return Comparison(
        names=named,
        cka=_symmetric(len(arrays), lambda i, j: linear_cka(arrays[i], arrays[j])),
        shared=_symmetric(len(arrays), lambda i, j: float(jaccard(near[i], near[j]).mean())),
        spaces=_numbers(arrays),
        overlap=jaccard(near[0], near[-1]),
        nearest=(near[0], near[-1]),
        settings={
            "n": n,
            "k": k,
            "metric": metric,
            "chance": chance_jaccard(n, k),
            "alpha_fit": (FIT[0], min(FIT[1], n - 1)),
        },
        paths=spaces[0].paths,
    )


def _thumbnail(picture: np.ndarray, side: int) -> np.ndarray:
    """The middle square of the picture, `side` pixels wide and high."""
    height, width = picture.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return resize(picture[top : top + edge, left : left + edge], (side, side))


def _numbers(arrays: Sequence[np.ndarray]) -> dict[str, list[float]]:
    measures = {"rankme": rankme, "alpha_req": alpha_req, "uniformity": uniformity, "feature_std": feature_std}
    columns: dict[str, list[float]] = {"dimensions": [array.shape[1] for array in arrays]}
    return columns | {name: [measure(array) for array in arrays] for name, measure in measures.items()}


def _symmetric(count: int, likeness: Any) -> np.ndarray:
    table = np.eye(count)
    for i in range(count):
        for j in range(i + 1, count):
            table[i, j] = table[j, i] = likeness(i, j)
    return table


def _array(space: Features, stage: str | None) -> np.ndarray:
    name = stage or next(iter(space.arrays))
    if name not in space.arrays:
        raise UsageError(f"compare: no stage {name!r} among {', '.join(space.arrays)}")
    return space.arrays[name]


def _names(spaces: Sequence[Features], names: Sequence[str] | None) -> tuple[str, ...]:
    """As given, or each model's own."""
    if names is None:
        return told_apart([source_of(space) for space in spaces])
    if len(set(names)) != len(spaces) or len(names) != len(spaces):
        raise UsageError(f"compare: expected {len(spaces)} different names, got {list(names)}")
    return tuple(names)
