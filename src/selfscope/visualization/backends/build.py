"""From what a config says of backends to backend objects by name."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any

from selfscope.config.registry import VISBACKENDS
from selfscope.errors import ConfigError
from selfscope.visualization.backends.contract import Adopted, BaseVisBackend


def build_backends(given: Any, save_dir: str | os.PathLike[str] | None, *, trust: bool = False) -> dict[str, Any]:
    """Backends by name (`name=…`, or their type's) from one or many dicts and objects; none are set up yet.

    Dicts without a `save_dir` of their own get `save_dir/vis_data`. One that needs a folder and has none is left out
    with a warning, as a config used for a look at the data need not name a run.
    """
    alone = isinstance(given, (Mapping, BaseVisBackend)) or Adopted.fits(given)
    items: list[Any] = [] if given is None else [given] if alone else list(given)
    folder = None if save_dir is None else str(Path(save_dir) / "vis_data")
    backends: dict[str, Any] = {}
    for item in items:
        name, backend = _from_dict(item, folder, trust) if isinstance(item, Mapping) else (None, item)
        if backend is None:
            warnings.warn(f"{item.get('type')} keeps nothing: it needs a save_dir, and got none", stacklevel=3)
            continue
        if not isinstance(backend, BaseVisBackend) and not Adopted.fits(backend):
            given_type = type(backend).__name__
            raise ConfigError(f"vis_backends: expected dict(type=…) or objects of BaseVisBackend, got {given_type}")
        name = name or type(backend).__name__
        if name in backends:
            raise ConfigError(f"vis_backends: two are named {name!r}: give each a name=… of its own")
        backends[name] = backend
    return backends


def _from_dict(config: Mapping[str, Any], folder: str | None, trust: bool) -> tuple[str | None, Any]:
    arguments = copy(config) if isinstance(config, dict) else dict(config)  # a Config's copy knows its file and line
    name = arguments.pop("name", None)
    defaults: dict[str, Any] = {}
    if "type" in config and "save_dir" not in config:
        target = VISBACKENDS.get(config["type"], trust=trust, where=getattr(config, "origin", (None, None)))
        wanted = inspect.signature(target).parameters.get("save_dir")
        if wanted is not None and folder is None and wanted.default is wanted.empty:
            return None, None
        if wanted is not None and folder is not None:
            defaults["save_dir"] = folder
    return name, VISBACKENDS.build(arguments, trust=trust, **defaults)
