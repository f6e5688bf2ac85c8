"""A config as Python source again: readable, and evaluated back to an equal value."""

from __future__ import annotations

import keyword
import math
import re
from collections.abc import Iterable
from typing import Any

from selfscope.config.limits import kind
from selfscope.config.templates import is_template
from selfscope.config.values import Config
from selfscope.errors import ConfigError

WIDTH = 100
_TEMPLATE = re.compile(r"\{(?=\{)")


def source(config: Config) -> str:
    """One `name = value` after the other, in the config's order, with `dict(…)` broken over lines where it is long."""
    lines = []
    for name, value in config.items():
        if not is_top_level(name):
            raise ConfigError(f"{name!r} cannot be a top-level name of a config: rename the key", file=config.file)
        try:
            lines.append(f"{name} = {_written(value, 0, len(name) + 3, name)}\n")
        except RecursionError as error:
            raise ConfigError(f"{name} is nested too deeply to be written", file=config.file) from error
    return "".join(lines)


def _written(value: Any, indent: int, column: int, path: str) -> str:
    """The value as it stands from `column` on, in a line that begins at `indent`."""
    if not isinstance(value, (dict, list, tuple, set)):
        return _leaf(value, path)
    parts, left, right = _open(value, path)
    flat = left + ", ".join(label + _flat(item, f"{path}{at}") for label, item, at in parts) + right
    if isinstance(value, tuple) and len(value) == 1:
        flat = f"({_flat(value[0], path)},)"
    if column + len(flat) < WIDTH or not parts:
        return flat
    pad = " " * (indent + 4)
    rows = [
        f"{pad}{label}{_written(item, indent + 4, indent + 5 + len(label), path + at)},\n" for label, item, at in parts
    ]
    return f"{left}\n{''.join(rows)}{' ' * indent}{right}"


def _flat(value: Any, path: str) -> str:
    return _written(value, 0, -(10**9), path)


def _open(value: Any, path: str) -> tuple[list[tuple[str, Any, str]], str, str]:
    """(label, item, path) of each part, and the brackets."""
    if isinstance(value, dict):
        if all(_is_name(key) for key in value):
            return [(f"{key}=", item, f".{key}") for key, item in value.items()], "dict(", ")"
        return [(f"{_flat(key, path)}: ", item, f"[{key!r:.40}]") for key, item in value.items()], "{", "}"
    if isinstance(value, set):
        ordered: Iterable[Any] = sorted(value, key=lambda item: (type(item).__name__, repr(item)))
        return [("", item, "{…}") for item in ordered], *(("{", "}") if value else ("set(", ")"))
    brackets = ("[", "]") if isinstance(value, list) else ("(", ")")
    return [("", item, f"[{i}]") for i, item in enumerate(value)], *brackets


def _leaf(value: Any, path: str) -> str:
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return float.__repr__(value) if math.isfinite(value) else f'float("{float.__repr__(value)}")'
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bytes, range)):
        return repr(value)
    raise ConfigError(f"{path} is {kind(value)}, which a config file cannot hold: use text, numbers, lists and dicts")


def _text(value: str) -> str:
    """Quoted with `"` where that needs no escape; `{{` is parted, where the reader would fill `{{ … }}`."""
    if not is_template(value):
        return _quoted(value)
    parts = _TEMPLATE.split(value)
    written = [_quoted(part if i == len(parts) - 1 else part + "{") for i, part in enumerate(parts)]
    return f"({' + '.join(written)})"


def _quoted(text: str) -> str:
    plain = repr(str(text))
    return f'"{plain[1:-1]}"' if plain[0] == "'" and '"' not in plain else plain


def is_top_level(key: Any) -> bool:
    """Whether a config can say `key = …`: names, but those that mean something to whoever reads it."""
    return _is_name(key) and not key.startswith("__") and key != "_base_"


def _is_name(key: Any) -> bool:
    return isinstance(key, str) and key.isidentifier() and not keyword.iskeyword(key)
