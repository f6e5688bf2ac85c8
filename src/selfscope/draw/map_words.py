"""The words on a map: its title, what was mapped and how, how far to trust it, and when not to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

import numpy as np

from selfscope.draw.strays import stray_words
from selfscope.records import Embedding

_METHODS = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA", "pacmap": "PaCMAP"}
_QUALITY = {
    "trustworthiness": "trustworthiness {:.2f}",
    "continuity": "continuity {:.2f}",
    "knn_recall": "{k}-NN recall {:.2f}",
    "kl_divergence": "KL {:.2f}",
}
_KNOWN = {"k", "queries", "kl_error", "kl_rows", "seeds", "seed_overlap"}
_SETTINGS = {
    "metric": "{} distance",
    "perplexity": "perplexity {:g}",
    "n_neighbors": "{} neighbours",
    "seed": "seed {}",
}
MEANINGS = {
    "trust": "trust: 1 where no neighbour on the map is a stranger in feature space",
    "continuity": "continuity: 1 where no neighbour in feature space is far away on the map",
    "recall": "recall: share of the nearest in feature space that are nearest on the map as well",
    "stability": "stability: share of the nearest on the map that maps of other seeds repeat",
    "density": "density: how many times nearer than usual the 10 nearest in feature space lie, as a power of two",
    "norm": "norm: length of the feature vector",
    "cluster": "cluster: HDBSCAN on the neighbours shared in feature space, not on the map",
    "drift": "drift: distance from the map before, in floors",
    "kept": "kept: share of the nearest in feature space that the checkpoint before had (Jaccard)",
}
"""What the columns that maps have of themselves are."""


def title(emb: Embedding) -> str:
    """Method, model and stage."""
    method = str(emb.settings.get("method", "")).lower()
    parts = [_METHODS.get(method, emb.settings.get("method") or emb.key)]
    model, stage = (str(emb.settings.get(name) or "") for name in ("model", "stage"))
    parts += [model, "" if model == f"{stage}.npy" else stage]
    return " · ".join(str(part) for part in parts if part)


def notes(emb: Embedding) -> list[str]:
    """Sentences that must stand on the picture: an untrained model, what extraction noted, doubts about the map."""
    said = ["untrained: random weights"] if emb.settings.get("trained") is False else []
    said += [str(note) for note in emb.settings.get("notes") or ()]
    said += [str(doubt) for doubt in emb.settings.get("doubts") or ()]
    return list(dict.fromkeys(said))


def caption(emb: Embedding, extra: Sequence[str] = ()) -> list[str]:
    """The lines under a map: what was mapped and how, then how far it can be trusted, then a reference for that."""
    count, settings = len(emb.coords), emb.settings
    made = [f"N = {count:,}"]
    if settings.get("d") is not None:
        made.append(f"D = {settings['d']:,}")
    used = settings if not str(settings.get("method")).startswith("PCA") else {**settings, "perplexity": None}
    made += [text.format(_short(used[name])) for name, text in _SETTINGS.items() if used.get(name) is not None]
    if used.get("perplexity") not in (None, settings.get("perplexity_asked", used.get("perplexity"))):
        made.append(f"perplexity {settings['perplexity_asked']:g} asked for, too much for so few points")
    if settings.get("checkpoint"):
        made.append(PurePath(str(settings["checkpoint"])).name)
    if emb.coords.shape[1] == 1:
        made.append("height only keeps points apart")
    lost = int((~np.isfinite(emb.coords).all(axis=1)).sum())
    if lost:
        made.append(f"{lost:,} points without finite coordinates are not drawn")
    off = stray_words(emb.coords)
    if off:
        made.append(off)
    lines = [" · ".join([*made, *extra]), trust_line(emb.quality, count)]
    return lines + reference_line(emb.quality)


def _short(value: Any) -> Any:
    return round(value, 1) if isinstance(value, float) else value


def trust_line(quality: Mapping[str, float], count: int) -> str:
    """The numbers, with how many neighbours (`k`) and points (`queries`) they were measured at."""
    near = f"{quality.get('k', 10):g}"
    known = [text.format(quality[name], k=near) for name, text in _QUALITY.items() if name in quality]
    if "kl_error" in quality and "kl_divergence" in quality:
        known[-1] += f" ± {quality['kl_error']:.2f}"
    if "seed_overlap" in quality:
        known.append(f"{quality.get('seeds', 2):g} seeds share {quality['seed_overlap']:.0%} of neighbours")
    rest = {n: v for n, v in quality.items() if n not in (*_QUALITY, *_KNOWN) and not n.startswith("pca_")}
    others = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in rest.items()]
    missing = [] if "trustworthiness" in quality else ["trustworthiness not measured"]
    asked = quality.get("queries", count)
    sampled = [f"measured at {asked:,.0f} of the points"] if asked < count else []
    return " · ".join(missing + known + others + sampled)


def reference_line(quality: Mapping[str, float]) -> list[str]:
    """The same numbers of the first two principal components, where they were measured."""
    near = f"{quality.get('k', 10):g}"
    parts = [text.format(quality[f"pca_{n}"], k=near) for n, text in _QUALITY.items() if f"pca_{n}" in quality]
    return ["two principal components instead: " + " · ".join(parts)] if parts else []
