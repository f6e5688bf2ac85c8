"""Short names that configs use, as `"module:object"` strings: looking one up imports just its module."""

from __future__ import annotations

TABLE: dict[str, dict[str, str]] = {
    "model": {},
    "dataset": {},
    "transform": {},
    "hook": {},
    "visualizer": {
        "Visualizer": "selfscope.visualization.visualizer:Visualizer",
        "SelfSupVisualizer": "selfscope.visualization.selfsup:SelfSupVisualizer",
    },
    "visbackend": {
        "LocalVisBackend": "selfscope.visualization.backends.local:LocalVisBackend",
    },
}
