"""Entries put into the dicts of a config that is being read: shared with its own dicts, copied into its bases'."""

from __future__ import annotations

from typing import Any

from selfscope.config.limits import Budget, Refusal, kind
from selfscope.config.values import ConfigDict, Origin, WrittenDict


def keyed(value: Any) -> ConfigDict:
    """The value itself, which must be a dict."""
    if not isinstance(value, ConfigDict):
        raise Refusal(f"expected a dict, got {kind(value)}")
    return value


def put(container: ConfigDict, name: Any, value: Any, origin: Origin, budget: Budget) -> None:
    """`container[name] = value`."""
    if not isinstance(container, WrittenDict):
        budget.walk(value)
        value = _adopted(value)
    container.put(name, value, origin)


def update(budget: Budget, container: ConfigDict, *values: Any, **named: Any) -> None:
    """`container.update(…)`: shallow as Python's, but into a base's dict it merges dicts into dicts, as MMEngine's."""
    if len(values) > 1:
        raise Refusal("`update` takes one dict and names")
    for source in (*values, named):
        budget.walk(source)
        _merge(container, source if isinstance(source, ConfigDict) else ConfigDict(source), budget)


def union(left: ConfigDict, right: ConfigDict, budget: Budget) -> ConfigDict:
    """`left | right`."""
    plain = isinstance(left, WrittenDict) and isinstance(right, WrittenDict)
    budget.walk(left)
    made = left.copy() if plain else _adopted(left, everything=True)
    update(budget, made, right)
    return made


def _merge(container: ConfigDict, source: ConfigDict, budget: Budget) -> None:
    for name, value, origin in source.entries():
        old = container.get(budget.key(name))
        if isinstance(old, ConfigDict) and isinstance(value, ConfigDict) and not isinstance(container, WrittenDict):
            _merge(old, value, budget)
        else:
            put(container, name, value, origin if origin != (None, None) else source.origin, budget)


def _adopted(value: Any, *, everything: bool = False) -> Any:
    if isinstance(value, WrittenDict) or (everything and isinstance(value, ConfigDict)):
        entries = ((name, _adopted(item, everything=everything), where) for name, item, where in value.entries())
        return ConfigDict.at(value.origin, entries)
    if isinstance(value, (list, tuple)):
        return type(value)(_adopted(item, everything=everything) for item in value)
    return value
