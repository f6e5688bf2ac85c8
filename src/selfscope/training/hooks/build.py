"""The hooks that a config asks for: `default_hooks`, then `custom_hooks`."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from selfscope.config.registry import HOOKS
from selfscope.config.values import ConfigDict
from selfscope.errors import ConfigError
from selfscope.training.hooks.calls import Hooks

log = logging.getLogger(__name__)

DONE_BY_THE_LOOP: Mapping[str, str] = {
    "RuntimeInfoHook": "tells hooks iteration, epoch, learning rate and loss",
    "IterTimerHook": "takes the times",
    "DistSamplerSeedHook": "seeds the sampler anew each epoch",
    "ParamSchedulerHook": "steps the schedules",
    "CheckpointHook": "saves checkpoints, as this entry says",
}
"""Hooks of MMEngine that a config may name and whose work the training loop does itself."""


def build_hooks(config: Mapping[str, Any], trust: bool = False) -> Hooks:
    """In the order of their priorities, which an entry's own `priority` overrides.

    As in MMEngine there is a LoggerHook unless `default_hooks` says `logger=None`.
    """
    named = {"logger": {"type": "LoggerHook"}, **_entries(config, "default_hooks", Mapping)}
    hooks = Hooks()
    for place, entry in named.items():
        if entry is not None:
            _add(hooks, entry, f"default_hooks.{place}", config, trust)
    for index, entry in enumerate(_entries(config, "custom_hooks", Sequence)):
        _add(hooks, entry, f"custom_hooks[{index}]", config, trust)
    return hooks


def _entries(config: Mapping[str, Any], key: str, kind: type) -> Any:
    entries = config.get(key)
    if entries is None:
        return {} if kind is Mapping else ()
    if not isinstance(entries, kind) or isinstance(entries, str):
        form = "dict(name=dict(type=…), …)" if kind is Mapping else "[dict(type=…), …]"
        raise _refusal(config, key, f"{key}: expected {form}, got {entries!r:.80}")
    return entries


def _add(hooks: Hooks, entry: Any, place: str, config: Mapping[str, Any], trust: bool) -> None:
    if not isinstance(entry, Mapping):
        if isinstance(entry, (str, int, float)) or entry is None:
            raise _refusal(config, place.partition("[")[0], f"{place}: expected dict(type=…), got {entry!r:.80}")
        hooks.add(entry)
        return
    work = DONE_BY_THE_LOOP.get(str(entry.get("type", "")).rpartition(".")[2])
    if work is not None:
        log.info("%s (%s): the training loop itself %s", place, entry["type"], work)
        return
    own = entry.copy() if isinstance(entry, ConfigDict) else dict(entry)
    priority = own.pop("priority", None)
    hooks.add(HOOKS.build(own, trust=trust), priority)


def _refusal(config: Mapping[str, Any], key: str, message: str) -> ConfigError:
    file, line = config.origin_of(key) if isinstance(config, ConfigDict) else (None, None)
    return ConfigError(message, file=file, line=line)
