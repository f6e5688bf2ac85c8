"""From features `(N, D)` to a map `(N, 1..3)`, and numbers that say how far to trust it.

`TSNE(perplexity=30)(features)` gives coords; `neighbours(features, k)` the graph that maps and measures share.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "TSNE": "selfscope.embedding.tsne",
    "Neighbours": "selfscope.embedding.graph",
    "neighbours": "selfscope.embedding.graph",
}

__all__ = ["TSNE", "Neighbours", "neighbours"]

if TYPE_CHECKING:
    from selfscope.embedding.graph import Neighbours, neighbours
    from selfscope.embedding.tsne import TSNE


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'selfscope.embedding' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
