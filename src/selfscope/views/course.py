"""How a feature space changes over a training: one joint map, what drifted in it, and which neighbours stayed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from selfscope.draw.course import Frame, course_frames, course_scene
from selfscope.draw.scene import Scene, raster
from selfscope.embedding.joint import TIE, JointTSNE
from selfscope.embedding.likeness import jaccard, nearest_items
from selfscope.embedding.tsne import TSNE
from selfscope.errors import UsageError
from selfscope.records import Embedding
from selfscope.structures import Features
from selfscope.views.embed import chosen_stage, engine_of, judged_map
from selfscope.views.matching import matched
from selfscope.views.progress import Progress
from selfscope.views.told_apart import told_apart

K = 10
MOST_NOTES = 3
JUDGED = {"trustworthiness": "trustworthiness", "knn_recall": "{k:g}-NN recall", "kl_divergence": "KL"}


@dataclass(frozen=True, eq=False, repr=False)
class Course:
    """Maps of one set of items at several checkpoints, in one coordinate system."""

    maps: tuple[Embedding, ...]
    """In the order of training; the columns `drift` (in floors) and `kept` (0..1) are against the map before."""
    names: tuple[str, ...]
    floor: float
    """Median distance between two maps of the same features under two seeds, in units of the map."""

    def __repr__(self) -> str:
        return "\n".join([f"Course({len(self.maps)} maps of {len(self.maps[0].coords)} items)", *self.lines()])

    def lines(self) -> list[str]:
        """A sentence a checkpoint."""
        return [f"{name}: {words}" for name, words in zip(self.names, self.words(), strict=True)]

    def words(self) -> list[str]:
        """Of every map: its drift and the neighbours kept, against the one before."""
        said = ["the first"]
        for emb in self.maps[1:]:
            drift, kept = np.median(emb.columns["drift"]), emb.columns["kept"].mean()
            said.append(f"median drift {drift:.1f} floors, {kept:.0%} of neighbours shared")
        return said

    def caption(self) -> list[str]:
        """What must be known to read the pictures."""
        s = self.maps[-1].settings
        each = [_range(self.maps, name, words) for name, words in JUDGED.items()]
        return [
            f"one joint map (Dynamic t-SNE, tie {s['tie']:g}): perplexity {round(s['perplexity'], 1):g}, "
            f"{s['metric']} distance, N {s['n']:,}, seed {s['seed']}",
            f"drift is in floors: the median distance ({self.floor:.2g}) between maps of the last features under two "
            f"seeds; up to about 2 floors mean nothing; neighbours shared are of the {min(K, s['n'] - 1)} nearest in "
            "feature space by cosine (Jaccard)",
            f"each map by itself: {' · '.join(filter(None, each))}",
        ]

    def notes(self) -> list[str]:
        """Which maps should not be believed; the rest of many is in their `settings`."""
        pairs = [(name, doubt) for name, emb in zip(self.names, self.maps, strict=True) for doubt in _doubts(emb)]
        said = [doubt if doubt.startswith(f"{name}:") else f"{name}: {doubt}" for name, doubt in pairs]
        rest = len(said) - MOST_NOTES
        return said if rest < 2 else [*said[:MOST_NOTES], f"and {rest} more doubts, which are kept with their maps"]

    def scene(self, *, color_by: str | None = "label", width: int = 1600) -> Scene:
        """All maps side by side, showing the same stretch of the plane."""
        options: dict[str, Any] = {"under": self.words(), "notes": self.notes(), "footer": self.caption()}
        return course_scene(self.maps, self.names, color_by=color_by, width=width, **options)

    def plot(self, *, color_by: str | None = "label", width: int = 1600) -> np.ndarray:
        """The scene as a picture, `(H, W, 3)` uint8."""
        return raster(self.scene(color_by=color_by, width=width))

    def frames(self, *, color_by: str | None = "label", width: int = 900) -> Iterator[Frame]:
        """A moving picture: points travel from map to map."""
        return course_frames(self.maps, self.names, color_by=color_by, width=width, footer=self.caption())


def joint_tsne(
    features: Sequence[Features | Any],
    *,
    names: Sequence[str] | None = None,
    steps: Sequence[int] | None = None,
    stage: str | None = None,
    tie: float = TIE,
    queries: int | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Course:
    """t-SNE of the same items at several checkpoints, in order of training, made together (Rauber et al. 2016).

    Items are matched by their paths where all know them. `options` are those of `selfscope.embedding.tsne.TSNE`, in two
    dimensions. `steps` become the records' (default: numbers found in the checkpoints' names, if they rise, else 1, 2,
    …). Each map is judged by itself, as by `tsne`: what the tie costs shows in its divergence.
    """
    engine = engine_of(options)
    if engine.n_components != 2:
        raise UsageError(f"a course is drawn in two dimensions, got n_components={engine.n_components}")
    if len(features) < 2:
        raise UsageError(f"a course needs features of at least two checkpoints, got {len(features)}")
    chosen = [chosen_stage(each, stage) for each in features]
    titles = tuple(names or checkpoint_names([given for given, _, _ in chosen]))
    arrays = matched([given for given, _, _ in chosen], [array for _, _, array in chosen], titles)
    found = JointTSNE(engine, tie)(arrays, progress)
    near = [nearest_items(array, K, "cosine") for array in arrays]
    first, key = chosen[0][0], chosen[0][1]
    settings = {**_settings(engine, len(arrays[0]), tie), "drift_floor": found.floor, "course": list(titles)}
    at = list(steps) if steps is not None else checkpoint_steps(titles)
    maps = []
    for t, array in enumerate(arrays):
        own = replace(first, arrays={key: array}, settings=chosen[t][0].settings)
        told = {**settings, "place": t + 1}
        graph = found.graphs[t]
        record = judged_map(own, key, [found.coords[t]], told, neighbours=graph, queries=queries, step=at[t])
        kept = jaccard(near[t - 1], near[t]) if t else np.full(len(array), np.nan)
        columns = {**record.columns, "drift": found.drift[t], "kept": kept.astype(np.float32)}
        maps.append(replace(record, columns=columns))
    return Course(tuple(maps), titles, found.floor)


def _settings(engine: TSNE, n: int, tie: float) -> dict[str, Any]:
    return {
        "method": "joint t-SNE",
        "metric": engine.metric,
        "perplexity": engine.effective_perplexity(n),
        "n_iter": engine.n_iter,
        "init": engine.init,
        "seed": engine.seed,
        "tie": tie,
    }


def _doubts(emb: Embedding) -> list[str]:
    untrained = ["untrained: random weights"] if emb.settings.get("trained") is False else []
    return [*untrained, *emb.settings.get("doubts", ())]


def _range(maps: Sequence[Embedding], name: str, words: str) -> str:
    values = [emb.quality[name] for emb in maps if name in emb.quality]
    low, high = (f"{value:.2f}" for value in (min(values), max(values))) if values else ("", "")
    named = words.format(k=maps[0].quality.get("k", K))
    return f"{named} {low}" + (f" to {high}" if high != low else "") if values else ""


def checkpoint_names(features: Sequence[Features]) -> tuple[str, ...]:
    """The checkpoints' file names without suffix, and what tells twins apart; `checkpoint <n>` where one has none."""
    found = [each.settings.get("checkpoint") for each in features]
    if all(found) and len(set(found)) == len(found):
        return told_apart([str(path) for path in found])
    return tuple(f"checkpoint {t}" for t in range(1, len(found) + 1))


def checkpoint_steps(names: Sequence[str]) -> list[int]:
    """The last number in each name (`epoch_12` -> 12) where all have one and they rise; else 1, 2, …"""
    numbers = [re.findall(r"\d+", name) for name in names]
    steps = [int(found[-1]) for found in numbers if found]
    rising = all(a < b for a, b in pairwise(steps))
    return steps if len(steps) == len(names) and rising else list(range(1, len(names) + 1))


def in_order(paths: Sequence[str]) -> list[str]:
    """Paths with their numbers compared as numbers: `epoch_2` before `epoch_10`."""

    def parts(path: str) -> list[tuple[int, int, str]]:
        return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", path)]

    return sorted(paths, key=parts)
