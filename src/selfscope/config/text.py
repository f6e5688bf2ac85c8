"""Text made from values: f-strings, `str.format` and `%`, without their doors to attributes or to huge widths."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from selfscope.config.limits import Budget, Refusal

MAX_WIDTH = 9_999
_CONVERSIONS: dict[int, Callable[[Any], Any]] = {-1: lambda value: value, 115: str, 114: repr, 97: ascii}
_PERCENT = re.compile(
    r"%(?:\((?P<key>[^()]*)\))?(?P<flags>[#0 +-]*)(?P<width>\*|\d*)(?:\.(?P<digits>\*|\d*))?(?P<kind>.?)", re.S
)
_KINDS = frozenset("diouxXeEfFgGcrsa%")
_FIELD = re.compile(r"\{\{|\}\}|\{(?P<name>\w*)(?:!(?P<conversion>[sra]))?(?::(?P<spec>[^{}]*))?\}|(?P<bad>[{}])")


def formatted(value: Any, conversion: int, spec: str, budget: Budget) -> str:
    """One field: `conversion` is the code of `s`, `r` or `a`, or -1; widths and precisions stay below 10,000."""
    if any(int(digits) > MAX_WIDTH for digits in re.findall(r"\d+", spec[:64])) or len(spec) > 64:
        raise Refusal(f"a width or precision of a format may be at most {MAX_WIDTH:,}")
    budget.walk(value, printed=True)
    result = format(_CONVERSIONS[conversion](value), spec)
    budget.elements(len(result))
    return result


def str_format(template: str, args: Sequence[Any], kwargs: Mapping[str, Any], budget: Budget) -> str:
    """`template.format(*args, **kwargs)`; a field names a value, never an attribute or item of one."""
    counter = iter(range(len(args) + 1))
    numbered = re.search(r"\{\d", template) is not None

    def field(match: re.Match[str]) -> str:
        if match[0] in ("{{", "}}"):
            return match[0][0]
        if match["bad"]:
            raise Refusal(
                "a field of `format` is {}, {0} or {name}, with `!r` and `:spec`: no attributes, items or nesting"
            )
        name = match["name"]
        if not name and numbered:
            raise Refusal("`format` takes either {} or {0}, not both")
        index = int(name) if name.isdecimal() and len(name) < 7 else None if name else next(counter)
        if index is not None and index >= len(args):
            raise Refusal(f"`format` has no value for field {index}")
        if index is None and name not in kwargs:
            raise Refusal(f"`format` has no value named {name!r}")
        value = kwargs[name] if index is None else args[index]
        return formatted(value, ord(match["conversion"]) if match["conversion"] else -1, match["spec"] or "", budget)

    budget.elements(len(template))
    result = _FIELD.sub(field, template)
    budget.elements(len(result))
    return result


def percent(template: str | bytes, values: Any, budget: Budget) -> str:
    """`template % values`, with plain widths below 10,000."""
    if isinstance(template, bytes):
        raise Refusal("`%` of bytes is not read")
    fields = list(_PERCENT.finditer(template))
    for match in fields:
        if match["kind"] not in _KINDS:
            raise Refusal(f"`%{match['kind']}` is no format: write %s, %d, %r, %.2f or %(name)s")
        for digits in (match["width"], match["digits"] or ""):
            if digits == "*" or len(digits) > 9 or (digits and int(digits) > MAX_WIDTH):
                raise Refusal(f"a width or precision of a format may be at most {MAX_WIDTH:,}")
    paddings = sum(int(m["width"] or 0) + int(m["digits"] or 0) for m in fields)
    times = len(fields) if isinstance(values, dict) else 1
    budget.elements(len(template) + paddings + times * budget.walk(values, printed=True))
    result = template % values
    budget.elements(len(result))
    return result


def joined(separator: str, parts: list[Any], budget: Budget) -> str:
    """`separator.join(parts)`."""
    if not all(isinstance(part, str) for part in parts):
        raise Refusal("`join` takes texts only")
    budget.elements(sum(map(len, parts)) + len(separator) * max(len(parts) - 1, 0))
    return separator.join(parts)


def replaced(text: str, old: str, new: str, budget: Budget) -> str:
    """`text.replace(old, new)`."""
    budget.elements(len(text) + text.count(old) * len(new))
    return text.replace(old, new)
