"""How a config inherits: dicts merge into dicts, all else replaces, `_delete_=True` starts afresh.

Origins survive: a merged dict knows the base it comes from, and each entry the file and line that wrote it last.
"""

from __future__ import annotations

from typing import Any

from selfscope.config.limits import Budget, Refusal, kind
from selfscope.config.values import ConfigDict, Origin

DELETE = "_delete_"


def settled(value: Any, budget: Budget, where: Origin) -> Any:
    """A copy in which nothing is shared, so that changing one place changes no other; `where` it was written."""
    try:
        budget.walk(value)
    except Refusal as error:
        raise Refusal(str(error), where) from error
    return _unshared(value)


def _unshared(value: Any) -> Any:
    if isinstance(value, ConfigDict):
        return ConfigDict.at(value.origin, ((key, _unshared(item), where) for key, item, where in value.entries()))
    if isinstance(value, (list, tuple)):
        return type(value)(_unshared(item) for item in value)
    return set(value) if isinstance(value, set) else value


def merged(child: ConfigDict, base: ConfigDict) -> ConfigDict:
    """The child's entries over the base's; neither is modified. A dict over something else is refused."""
    result = base.copy()
    for key, value, where in child.entries():
        if not isinstance(value, ConfigDict):
            result.put(key, value, where)
            continue
        replaces = key in base and bool(value.get(DELETE, False))
        if key in base:
            value = _without_delete(value)
        if key not in base or replaces:
            result.put(key, value, where)
            continue
        if not isinstance(base[key], ConfigDict):
            raise Refusal(
                f"{key!r} is a dict here, but in the base {kind(base[key])}: "
                f"write `{DELETE}=True` into the dict to replace it",
                where,
            )
        result.put(key, merged(value, base[key]), base.origin_of(key))
    return result


def with_options(config: ConfigDict, options: ConfigDict, path: str = "") -> ConfigDict:
    """`--cfg-options` over a config: as `merged`, and `a.0.b=c` reaches into lists and tuples."""
    result = config.copy()
    for key, value, where in options.entries():
        name = f"{path}{key}"
        if not isinstance(value, ConfigDict):
            result.put(key, value, where)
            continue
        replaces = key in config and bool(value.get(DELETE, False))
        if key in config:
            value = _without_delete(value)
        if key not in config or replaces:
            result.put(key, value, where)
        else:
            result.put(key, _into(config[key], value, name), config.origin_of(key))
    return result


def _into(old: Any, options: ConfigDict, name: str) -> Any:
    if isinstance(old, ConfigDict):
        return with_options(old, options, f"{name}.")
    if not isinstance(old, (list, tuple)):
        given = ", ".join(map(str, options))
        raise Refusal(f"{name} is {old!r:.60}, and has no {given}: give it a new value, or {name}.{DELETE}=True")
    made = list(old)
    for key, value in options.items():
        if not (isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 10):
            raise Refusal(f"{name} is a list: name an item of it by number, as in {name}.0, not {key!r}")
        if int(key) >= len(made):
            raise Refusal(f"{name} has {len(made)} items: there is no {name}.{key}")
        item = made[int(key)]
        made[int(key)] = _into(item, value, f"{name}.{key}") if isinstance(value, ConfigDict) else value
    return type(old)(made)


def scoped(value: Any, scope: str) -> Any:
    """The value of another package's base: its outermost dicts with a `type` learn the scope they belong to."""
    if isinstance(value, ConfigDict):
        if "type" in value:
            if value.get("_scope_") is None:
                value.put("_scope_", scope, value.origin)
            return value
        for item in value.values():
            scoped(item, scope)
    elif isinstance(value, (list, tuple)):
        for item in value:
            scoped(item, scope)
    return value


def _without_delete(value: ConfigDict) -> ConfigDict:
    return ConfigDict.at(value.origin, (entry for entry in value.entries() if entry[0] != DELETE))
