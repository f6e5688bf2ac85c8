"""Names of a config's top level that are read, and those that look as if they were."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from selfscope.config.options import SOURCE
from selfscope.config.values import UNKNOWN, Origin
from selfscope.errors import ConfigError

LOADERS = tuple(f"{phase}_dataloader" for phase in ("train", "val", "test"))
LOOKED_AT = (
    *("model", "data_preprocessor", "default_scope", "custom_imports", "work_dir", "visualizer", "vis_backends"),
    *(*LOADERS, "extract_dataloader", "vis_pipeline"),
)
"""What commands that look at data or a model read: each of them some."""
TRAINED_BY = (
    *("model", "data_preprocessor", "default_scope", "custom_imports", "work_dir", "visualizer", "vis_backends"),
    *("optim_wrapper", "param_scheduler", "default_hooks", "custom_hooks", "auto_scale_lr", "randomness", *LOADERS),
    *(f"{phase}_{part}" for phase in ("train", "val", "test") for part in ("cfg", "evaluator")),
    *("load_from", "resume", "log_processor", "env_cfg", "find_unused_parameters", "log_level", "launcher"),
)
"""What means something to whoever trains; all other names are the config's own."""
OF_A_LOADER = ("dataset", "batch_size", "num_workers", "sampler", "persistent_workers", "collate_fn", "drop_last")
KNOWN = frozenset((*LOOKED_AT, *TRAINED_BY))
ALIKE = 0.9
"""How alike a misspelt name is to the one that was meant (difflib's ratio)."""


def check_names(config: Mapping[str, Any], read: Collection[str] = LOOKED_AT) -> None:
    """Refuses what is nearly a name that is read: left alone it would change nothing and say nothing.

    Of the top level, of its data loaders, and `pipeline` of their data sets; what is built of a dict refuses the rest.
    """
    _refuse_near(config, tuple(read))
    for name in (*LOADERS, "extract_dataloader"):
        loader = config.get(name)
        if name in read and isinstance(loader, Mapping):
            _refuse_near(loader, OF_A_LOADER)
            if isinstance(loader.get("dataset"), Mapping):
                _refuse_near(loader["dataset"], ("pipeline",))


def _refuse_near(values: Mapping[str, Any], read: tuple[str, ...]) -> None:
    for name in values:
        meant = None if not isinstance(name, str) or name in KNOWN or name in read else _meant(name, read)
        if meant is None:
            continue
        file, line = place(values, name)
        if meant not in values or place(values, meant)[0] != file:  # beside the right name it is a variable
            raise ConfigError(f"nothing here is called {name!r}. Did you mean {meant!r}?", file=file, line=line)


def lacking(config: Mapping[str, Any], name: str, what: str, instead: str = "") -> ConfigError:
    """The refusal of a config that has no such name; one of its own that may have been meant is told."""
    near = difflib.get_close_matches(name, [own for own in config if own not in KNOWN], n=1)
    hint = f" (is {near[0]!r} meant for it?)" if near else ""
    return ConfigError(f"has no `{name} = {what}`{hint}{instead}", file=str(getattr(config, "file", None) or "config"))


def unused_backends(config: Mapping[str, Any]) -> Origin | None:
    """Where the config itself, or the command line, gives `vis_backends` that its visualizer does not have.

    A base has made its `visualizer` of its own `vis_backends` by the time that a config on it names others.
    """
    visualizer = config.get("visualizer")
    used = visualizer if isinstance(visualizer, Mapping) else {}
    if "vis_backends" not in config or config["vis_backends"] == used.get("vis_backends"):
        return None
    said, kept = place(config, "vis_backends"), place(used, "vis_backends")
    own = getattr(config, "file", None)
    alone = said[0] != kept[0] and (
        said[0] == SOURCE or (said[0] is not None and own is not None and _same(said[0], own))
    )
    return said if alone else None


def place(config: Any, key: str) -> Origin:
    """`(file, line)` where an entry was last written, as far as it is known."""
    origin_of = getattr(config, "origin_of", None)
    return origin_of(key) if origin_of else UNKNOWN


def _meant(name: str, read: tuple[str, ...]) -> str | None:
    """The name of which this is a slip of the pen; a known one with more words (`train_dataloader_a`) is the user's."""
    swapped = next((known for known in read if sorted(known) == sorted(name)), None)
    if swapped or any(name.startswith(f"{known}_") or name.endswith(f"_{known}") for known in read):
        return swapped
    return next(iter(difflib.get_close_matches(name, read, n=1, cutoff=ALIKE)), None)


def _same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()
