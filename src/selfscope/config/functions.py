"""The functions and methods that a config may call: each pays for what it makes before it makes it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from selfscope.config.entries import put, update
from selfscope.config.limits import MAX_ELEMENTS, Budget, Refusal, integer, kind, weight
from selfscope.config.text import joined, replaced, str_format
from selfscope.config.values import ConfigDict
from selfscope.errors import nearest

MAX_DIGITS = 1300
"""Of a number read from text: 4,096 bits in decimal have 1,234."""


def items(value: Any, budget: Budget) -> list[Any]:
    """What iterating over the value gives, as a new list."""
    if not isinstance(value, (str, bytes, list, tuple, set, dict, range)):
        raise Refusal(f"{kind(value)} cannot be iterated over")
    budget.elements(len(value))
    return list(value)


def _set(budget: Budget, values: Any = ()) -> set[Any]:
    return {budget.key(item) for item in items(values, budget)}


def _round(budget: Budget, number: Any, ndigits: Any = None) -> Any:
    if not isinstance(number, (int, float)):
        raise Refusal(f"`round` takes a number, not {kind(number)}")
    if ndigits is not None and not (isinstance(ndigits, int) and abs(ndigits) <= MAX_DIGITS):
        raise Refusal(f"`round` takes at most {MAX_DIGITS:,} digits")
    return integer(result) if isinstance(result := round(number, ndigits), int) else result


def _int(budget: Budget, value: Any = 0, base: Any = 10) -> int:
    if isinstance(value, (str, bytes)):
        return integer(int(_number_text(value), base))
    return integer(int(value))


def _float(budget: Budget, value: Any = 0.0) -> float:
    return float(_number_text(value))


def _number_text(value: Any) -> Any:
    if isinstance(value, (str, bytes)) and len(value) > MAX_DIGITS:
        raise Refusal(f"a number read from text may have at most {MAX_DIGITS:,} characters")
    return value


def _str(budget: Budget, value: Any = "") -> str:
    if isinstance(value, str):
        return value
    budget.walk(value, printed=True)
    result = str(value)
    budget.elements(len(result))
    return result


def _least(choose: Callable[..., Any]) -> Callable[..., Any]:
    def chosen(budget: Budget, *values: Any, **default: Any) -> Any:
        candidates = items(values[0], budget) if len(values) == 1 else list(values)
        if set(default) - {"default"}:
            raise Refusal("`min` and `max` take values and `default` only")
        budget.walk(candidates)
        return choose(candidates, **default)

    return chosen


def _sum(budget: Budget, values: Any, start: Any = 0) -> Any:
    numbers = items(values, budget)
    if not all(isinstance(number, (int, float)) for number in [*numbers, start]):
        raise Refusal("`sum` takes numbers only")
    return integer(result) if isinstance(result := sum(numbers, start), int) else result


def _sorted(budget: Budget, values: Any, *, reverse: Any = False) -> list[Any]:
    listed = items(values, budget)
    budget.work(budget.walk(listed) * len(listed).bit_length())
    return sorted(listed, reverse=reverse)


def _zip(budget: Budget, *values: Any) -> list[tuple[Any, ...]]:
    listed = [items(value, budget) for value in values]
    return list(zip(*listed, strict=False))


def _enumerate(budget: Budget, values: Any, start: Any = 0) -> list[tuple[int, Any]]:
    return list(enumerate(items(values, budget), integer(start)))


def _range(budget: Budget, *bounds: Any) -> range:
    return range(*bounds)


def _abs(budget: Budget, number: Any) -> Any:
    return abs(number)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "list": lambda budget, values=(): items(values, budget),
    "tuple": lambda budget, values=(): tuple(items(values, budget)),
    "set": _set,
    "round": _round,
    "int": _int,
    "float": _float,
    "str": _str,
    "bool": lambda budget, value=False: bool(value),
    "len": lambda budget, value: len(value),
    "range": _range,
    "min": _least(min),
    "max": _least(max),
    "abs": _abs,
    "sum": _sum,
    "sorted": _sorted,
    "reversed": lambda budget, values: items(values, budget)[::-1],
    "zip": _zip,
    "enumerate": _enumerate,
    "any": lambda budget, values: any(items(values, budget)),
    "all": lambda budget, values: all(items(values, budget)),
}
"""Beside `dict`, which the evaluator makes itself since it knows the lines of the entries."""


def deepcopy(budget: Budget, value: Any) -> Any:
    """`copy.deepcopy`."""
    budget.walk(value)
    return copy.deepcopy(value)


def shallow_copy(budget: Budget, value: Any) -> Any:
    """`copy.copy`."""
    budget.elements(weight(value) if not hasattr(value, "__len__") else len(value))
    return copy.copy(value)


COPYING = {"copy": shallow_copy, "deepcopy": deepcopy}
"""What `import copy` gives: the one module whose functions only make values."""


def _append(budget: Budget, values: list[Any], item: Any) -> None:
    _grow(budget, values, 1)
    values.append(item)


def _grow(budget: Budget, values: list[Any], extra: int) -> None:
    budget.elements(extra)
    if len(values) + extra > MAX_ELEMENTS:
        raise Refusal(f"a value may have at most {MAX_ELEMENTS:,} elements")


def _extend(budget: Budget, values: list[Any], more: Any) -> None:
    extra = items(more, budget)
    _grow(budget, values, len(extra))
    values.extend(extra)


def _insert(budget: Budget, values: list[Any], index: Any, item: Any) -> None:
    budget.elements(len(values) + 1)
    values.insert(index, item)


def _list_pop(budget: Budget, values: list[Any], index: Any = -1) -> Any:
    budget.work(len(values))
    return values.pop(index)


def _find(method: str) -> Callable[..., Any]:
    def found(budget: Budget, values: list[Any], item: Any) -> Any:
        budget.walk(values)
        budget.walk(item)
        return getattr(values, method)(item)

    return found


def _entry(budget: Budget, values: dict[Any, Any], name: Any, default: Any = None) -> Any:
    return values.get(budget.key(name), default)


def _dict_pop(budget: Budget, values: dict[Any, Any], name: Any, *default: Any) -> Any:
    return values.pop(budget.key(name), *default)


def _setdefault(budget: Budget, values: ConfigDict, name: Any, default: Any = None) -> Any:
    if budget.key(name) not in values:
        put(values, name, default, values.origin, budget)
    return values[name]


def _split(budget: Budget, text: str, separator: Any = None, maxsplit: Any = -1) -> list[str]:
    budget.elements(len(text) + 1)
    return text.split(separator, maxsplit)


def _cased(method: str) -> Callable[..., Any]:
    def result(budget: Budget, text: str, *args: Any) -> Any:
        budget.elements(len(text))
        return getattr(text, method)(*args)

    return result


METHODS: dict[type, dict[str, Callable[..., Any]]] = {
    list: {
        "append": _append,
        "extend": _extend,
        "insert": _insert,
        "pop": _list_pop,
        "copy": lambda budget, values: items(values, budget),
        "reverse": lambda budget, values: values.reverse(),
        **{name: _find(name) for name in ("index", "count", "remove")},
    },
    tuple: {name: _find(name) for name in ("index", "count")},
    dict: {
        "get": _entry,
        "pop": _dict_pop,
        "setdefault": _setdefault,
        "update": update,
        "copy": shallow_copy,
        "keys": lambda budget, values: items(values, budget),
        "values": lambda budget, values: items(list(values.values()), budget),
        "items": lambda budget, values: items(list(values.items()), budget),
    },
    str: {
        "format": lambda budget, text, /, *args, **kwargs: str_format(text, args, kwargs, budget),
        "join": lambda budget, text, parts: joined(text, items(parts, budget), budget),
        "replace": lambda budget, text, old, new: replaced(text, old, new, budget),
        "split": _split,
        **{name: _cased(name) for name in ("lower", "upper", "strip", "lstrip", "rstrip", "startswith", "endswith")},
    },
}


def method(value: Any, name: str) -> Callable[..., Any]:
    """The function that stands for `value.<name>`; it takes the budget and the value first."""
    for owner, known in METHODS.items():
        if isinstance(value, owner):
            if name in known:
                return known[name]
            names = ", ".join(sorted(known))
            raise Refusal(f"`.{name}()` of {kind(value)} is not read.{nearest(name, known)} Known: {names}")
    raise Refusal(f"methods of {kind(value)} are not read")
