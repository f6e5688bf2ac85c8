"""See what a self-supervised vision model has learned: its data, its training, its embeddings, its reconstructions.

The verbs are `load`, `browse`, `extract`, `tsne`, `reconstruct`: each returns or yields records, which show themselves
in a notebook. A `Visualizer` draws, and stores records in one or many backends. Everything is imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "load": "selfscope.views.load",
    "browse": "selfscope.views.browse",
    "augmentation_stats": "selfscope.views.statistics",
    "extract": "selfscope.views.extract",
    "tsne": "selfscope.views.embed",
    "reconstruct": "selfscope.views.reconstruct",
    "joint_tsne": "selfscope.views.course",
    "compare": "selfscope.views.compare",
    "probe": "selfscope.views.probe",
    "place": "selfscope.views.place",
    "train": "selfscope.training.engine",
    "TrainOptions": "selfscope.training.engine",
    "Visualizer": "selfscope.visualization.visualizer",
    "SelfSupVisualizer": "selfscope.visualization.selfsup",
    "BaseVisBackend": "selfscope.visualization.backends.contract",
    "LocalVisBackend": "selfscope.visualization.backends.local",
    "TensorboardVisBackend": "selfscope.visualization.backends.tensorboard",
    "WandbVisBackend": "selfscope.visualization.backends.wandb",
    "MLflowVisBackend": "selfscope.visualization.backends.mlflow",
    "TrackioVisBackend": "selfscope.visualization.backends.trackio",
    "SwanLabVisBackend": "selfscope.visualization.backends.swanlab",
    "AimVisBackend": "selfscope.visualization.backends.aim",
    "ClearMLVisBackend": "selfscope.visualization.backends.clearml",
    "DVCLiveVisBackend": "selfscope.visualization.backends.dvclive",
    "force_init_env": "selfscope.visualization.backends.contract",
    "master_only": "selfscope.visualization.ranks",
    "open_run": "selfscope.store.reader",
    "Hook": "selfscope.training.hooks.hook",
    "Watch": "selfscope.training.integrations.plain",
    "LoggerHook": "selfscope.training.hooks.logger",
    "VisualizationHook": "selfscope.training.hooks.visualization",
    "SelfSupVisualizationHook": "selfscope.training.hooks.selfsup",
    "SelfSupDataSample": "selfscope.structures",
    "InstanceData": "selfscope.structures",
    "Features": "selfscope.structures",
    "MODELS": "selfscope.config.registry",
    "DATASETS": "selfscope.config.registry",
    "TRANSFORMS": "selfscope.config.registry",
    "HOOKS": "selfscope.config.registry",
    "VISUALIZERS": "selfscope.config.registry",
    "VISBACKENDS": "selfscope.config.registry",
    "SelfscopeError": "selfscope.errors",
    "ConfigError": "selfscope.errors",
}

__all__ = [
    "__version__",
    "load",
    "browse",
    "augmentation_stats",
    "extract",
    "tsne",
    "reconstruct",
    "joint_tsne",
    "compare",
    "probe",
    "place",
    "train",
    "TrainOptions",
    "Visualizer",
    "SelfSupVisualizer",
    "BaseVisBackend",
    "LocalVisBackend",
    "TensorboardVisBackend",
    "WandbVisBackend",
    "MLflowVisBackend",
    "TrackioVisBackend",
    "SwanLabVisBackend",
    "AimVisBackend",
    "ClearMLVisBackend",
    "DVCLiveVisBackend",
    "force_init_env",
    "master_only",
    "open_run",
    "Hook",
    "Watch",
    "LoggerHook",
    "VisualizationHook",
    "SelfSupVisualizationHook",
    "SelfSupDataSample",
    "InstanceData",
    "Features",
    "MODELS",
    "DATASETS",
    "TRANSFORMS",
    "HOOKS",
    "VISUALIZERS",
    "VISBACKENDS",
    "SelfscopeError",
    "ConfigError",
]

if TYPE_CHECKING:
    from selfscope.config.registry import DATASETS, HOOKS, MODELS, TRANSFORMS, VISBACKENDS, VISUALIZERS
    from selfscope.errors import ConfigError, SelfscopeError
    from selfscope.store.reader import open_run
    from selfscope.structures import Features, InstanceData, SelfSupDataSample
    from selfscope.training.engine import TrainOptions, train
    from selfscope.training.hooks.hook import Hook
    from selfscope.training.hooks.logger import LoggerHook
    from selfscope.training.hooks.selfsup import SelfSupVisualizationHook
    from selfscope.training.hooks.visualization import VisualizationHook
    from selfscope.training.integrations.plain import Watch
    from selfscope.views.browse import browse
    from selfscope.views.compare import compare
    from selfscope.views.course import joint_tsne
    from selfscope.views.embed import tsne
    from selfscope.views.extract import extract
    from selfscope.views.load import load
    from selfscope.views.place import place
    from selfscope.views.probe import probe
    from selfscope.views.reconstruct import reconstruct
    from selfscope.views.statistics import augmentation_stats
    from selfscope.visualization.backends.aim import AimVisBackend
    from selfscope.visualization.backends.clearml import ClearMLVisBackend
    from selfscope.visualization.backends.contract import BaseVisBackend, force_init_env
    from selfscope.visualization.backends.dvclive import DVCLiveVisBackend
    from selfscope.visualization.backends.local import LocalVisBackend
    from selfscope.visualization.backends.mlflow import MLflowVisBackend
    from selfscope.visualization.backends.swanlab import SwanLabVisBackend
    from selfscope.visualization.backends.tensorboard import TensorboardVisBackend
    from selfscope.visualization.backends.trackio import TrackioVisBackend
    from selfscope.visualization.backends.wandb import WandbVisBackend
    from selfscope.visualization.ranks import master_only
    from selfscope.visualization.selfsup import SelfSupVisualizer
    from selfscope.visualization.visualizer import Visualizer


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'selfscope' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
