"""Arithmetic and comparisons of config values: as Python does them, paid for before they are done."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from selfscope.config.entries import union
from selfscope.config.limits import MAX_BITS, Budget, Refusal, integer
from selfscope.config.text import percent
from selfscope.config.values import ConfigDict

SEQUENCES = (str, bytes, list, tuple)
BINARY: dict[type[ast.operator], tuple[str, Callable[[Any, Any], Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", operator.pow),
    ast.LShift: ("<<", operator.lshift),
    ast.RShift: (">>", operator.rshift),
    ast.BitOr: ("|", operator.or_),
    ast.BitAnd: ("&", operator.and_),
    ast.BitXor: ("^", operator.xor),
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, container: item in container,
    ast.NotIn: lambda item, container: item not in container,
}


def binary(kind: type[ast.operator], left: Any, right: Any, budget: Budget) -> Any:
    """`left <kind> right`."""
    symbol, function = BINARY.get(kind, ("@", None))
    if function is None:
        raise Refusal("matrix products are not read")
    if symbol == "%" and isinstance(left, (str, bytes)):
        return percent(left, right, budget)
    if symbol == "|" and isinstance(left, ConfigDict) and isinstance(right, ConfigDict):
        return union(left, right, budget)
    _pay(symbol, left, right, budget)
    result = function(left, right)
    if isinstance(result, complex):
        raise Refusal("complex numbers are not config values")
    return integer(result) if isinstance(result, int) else result


def unary(kind: type[ast.unaryop], value: Any) -> Any:
    """`<kind> value`."""
    return UNARY[kind](value)


def compare(kind: type[ast.cmpop], left: Any, right: Any, budget: Budget) -> bool:
    """`left <kind> right`."""
    if kind not in (ast.Is, ast.IsNot):
        for side in (left, right):
            if not isinstance(side, (int, float, range)) and side is not None:
                budget.walk(side)
    if kind in (ast.In, ast.NotIn) and isinstance(right, range) and not isinstance(left, int):
        budget.elements(len(right))
    return bool(COMPARE[kind](left, right))


def _pay(symbol: str, left: Any, right: Any, budget: Budget) -> None:
    if isinstance(left, int) and isinstance(right, int):
        if symbol == "**" and right > 0 and left.bit_length() * right > 2 * MAX_BITS and abs(left) > 1:
            raise Refusal(f"integers may have at most {MAX_BITS:,} bits")
        if symbol == "<<" and right > 0 and left.bit_length() + right > MAX_BITS:
            raise Refusal(f"integers may have at most {MAX_BITS:,} bits")
    elif symbol == "+" and isinstance(left, SEQUENCES) and isinstance(right, SEQUENCES):
        budget.elements(len(left) + len(right))
    elif symbol == "*" and isinstance(left, SEQUENCES) and isinstance(right, int):
        budget.elements(len(left) * max(right, 0))
    elif symbol == "*" and isinstance(right, SEQUENCES) and isinstance(left, int):
        budget.elements(len(right) * max(left, 0))
    elif isinstance(left, set) and isinstance(right, set):
        budget.elements(len(left) + len(right))
