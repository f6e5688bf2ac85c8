"""`--cfg-options a.b=c "k=[1,2]"`: typed and nested as MMEngine's `DictAction` does it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from selfscope.config.expressions import Expressions
from selfscope.config.limits import MAX_DEPTH, Budget
from selfscope.config.syntax import parse_expression
from selfscope.config.values import ConfigDict, as_config
from selfscope.errors import ConfigError

DICT = re.compile(r"[\s\[(]*(dict\(|\{\s*(['\"]|\}))")
"""How a value with a dict in it begins."""
SOURCE = "--cfg-options"
"""Stands for the file in messages about a value that came from there."""


def parse_options(options: Sequence[str]) -> dict[str, Any]:
    """`["a.b=c", "k=[1,2]"]` to `{"a.b": "c", "k": [1, 2]}`: numbers, booleans, None, lists, tuples, or text.

    A value with a dict in it, `hooks=[dict(type="A")]`, is read as in a config file; MMEngine takes it for text.
    """
    if isinstance(options, str):
        options = [options]
    parsed: dict[str, Any] = {}
    for option in options:
        name, equals, text = option.partition("=")
        if not equals or not name.strip():
            raise ConfigError(f"expected key=value, got {option!r:.80}", file=SOURCE)
        try:
            parsed[name] = _written(text) if DICT.match(text) else _value(text, option, 0)
        except RecursionError as error:
            raise ConfigError(f"{option!r:.80} is nested too deeply", file=SOURCE) from error
    return parsed


def nested(options: Mapping[str, Any]) -> ConfigDict:
    """Dotted keys as dicts in dicts: `{"a.b": 1}` to `{"a": {"b": 1}}`."""
    made = ConfigDict.at((SOURCE, None))
    for name, value in options.items():
        *parents, last = str(name).split(".")
        if "" in (*parents, last):
            raise ConfigError(f"{name!r:.80} is not a key: write names with single dots between", file=SOURCE)
        if len(parents) >= MAX_DEPTH:
            raise ConfigError(f"{name!r:.80} has more than {MAX_DEPTH} parts", file=SOURCE)
        if not (parents or [last])[0].isidentifier():
            raise ConfigError(
                f"{name!r:.80} does not begin with a name: a config's top level has names only", file=SOURCE
            )
        inside = made
        for parent in parents:
            if parent not in inside:
                inside.put(parent, ConfigDict.at((SOURCE, None)), (SOURCE, None))
            if not isinstance(inside[parent], ConfigDict):
                raise ConfigError(f"{name} and {parent} cannot both be given: {parent} is a value already", file=SOURCE)
            inside = inside[parent]
        inside.put(last, as_config(value), (SOURCE, None))
    return made


def _written(text: str) -> Any:
    expressions = Expressions(Path(), SOURCE, ConfigDict.at((SOURCE, None)), Budget())
    return expressions.value(parse_expression(text, SOURCE, 0))  # no line to name


def _value(text: str, option: str, depth: int) -> Any:
    text = text.strip("'\"").replace(" ", "")
    brackets = text[:1] + text[-1:] if len(text) > 1 else ""
    if brackets not in ("()", "[]") and "," not in text:
        return _scalar(text, option)
    inside = text[1:-1] if brackets in ("()", "[]") else text
    values = []
    for part in _parts(inside, option):
        if depth >= MAX_DEPTH or part == text or (part == inside and brackets not in ("()", "[]")):
            raise ConfigError(f"cannot read {option!r:.80}: put one pair of brackets around it all", file=SOURCE)
        values.append(_value(part, option, depth + 1))
    return tuple(values) if brackets == "()" else values


def _parts(text: str, option: str) -> list[str]:
    """The text between the commas that stand outside of all brackets; one comma at the very end is allowed."""
    if text.count("(") != text.count(")") or text.count("[") != text.count("]"):
        raise ConfigError(f"the brackets of {option!r:.80} do not match", file=SOURCE)
    parts, start, round_, square = [], 0, 0, 0
    for i, char in enumerate(text):
        round_ += (char == "(") - (char == ")")
        square += (char == "[") - (char == "]")
        if char == "," and round_ == square == 0:
            parts.append(text[start:i])
            start = i + 1
    return [*parts, text[start:]] if start < len(text) else parts


def _scalar(text: str, option: str) -> Any:
    if len(text) > 4000 and text.isdecimal():
        raise ConfigError(f"the number in {option!r:.60} is too long", file=SOURCE)
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError):
        return float(text)
    known = {"true": True, "false": False}
    return None if text == "None" else known.get(text.lower(), text)
