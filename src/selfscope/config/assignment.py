"""Gives values to what stands left of `=`, `+=`, `for … in` and behind `del`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from selfscope.config.entries import keyed, put, update
from selfscope.config.functions import items, method
from selfscope.config.limits import Refusal, kind
from selfscope.config.operators import binary
from selfscope.config.values import ConfigDict

if TYPE_CHECKING:
    from selfscope.config.expressions import Expressions


def bind(where: Expressions, target: ast.expr, value: Any) -> None:
    """Gives the value to a name, to the parts of a tuple or list of targets, or to an item or attribute of a value."""
    if isinstance(target, ast.Name):
        where.scopes[-1][target.id] = value
        if len(where.scopes) == 1:
            where.lines[target.id] = where.origin(target)
    elif isinstance(target, (ast.Tuple, ast.List)):
        _unpack(where, target, items(value, where.budget))
    elif isinstance(target, ast.Attribute):
        put(keyed(where.value(target.value)), target.attr, value, where.origin(target), where.budget)
    elif isinstance(target, ast.Subscript):
        _set_item(where, where.value(target.value), where.index(target.slice), value, target)
    else:
        raise Refusal(f"{type(target).__name__} cannot be assigned to")


def augment(where: Expressions, node: ast.AugAssign) -> None:
    """`target += value` and its like; a list grows in place, as in Python."""
    target = node.target
    if isinstance(target, ast.Name):
        container, index, old = None, None, where.value(ast.copy_location(ast.Name(target.id, ast.Load()), target))
    else:
        container = where.value(target.value)
        index = target.attr if isinstance(target, ast.Attribute) else where.index(target.slice)
        if isinstance(index, slice) or not isinstance(container, (list, dict)):
            raise Refusal("`+=` and its like take a name, an item of a list or dict, or an attribute of a dict")
        old = container[where.budget.key(index)]
    value = where.value(node.value)
    if isinstance(old, list) and isinstance(node.op, ast.Add):
        method(old, "extend")(where.budget, old, value)
        return
    if isinstance(old, ConfigDict) and isinstance(node.op, ast.BitOr):
        update(where.budget, old, value)
        return
    result = binary(type(node.op), old, value, where.budget)
    if isinstance(target, ast.Name):
        bind(where, target, result)
    else:
        _set_item(where, container, index, result, target)


def delete(where: Expressions, target: ast.expr) -> None:
    """`del name`, `del x[key]`, `del x.key`, and several of them."""
    if isinstance(target, ast.Name):
        if target.id not in where.scopes[0]:
            raise Refusal(f"{target.id!r} is not defined, so it cannot be deleted")
        del where.scopes[0][target.id]
    elif isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            delete(where, part)
    elif isinstance(target, ast.Attribute):
        del keyed(where.value(target.value))[target.attr]
    elif isinstance(target, ast.Subscript):
        container = where.value(target.value)
        if not isinstance(container, (list, dict)):
            raise Refusal(f"items of {kind(container)} cannot be deleted")
        index = where.index(target.slice)
        where.budget.work(len(container) if isinstance(container, list) else 1)
        del container[index if isinstance(index, slice) else where.budget.key(index)]
    else:
        raise Refusal(f"{type(target).__name__} cannot be deleted")


def _unpack(where: Expressions, target: ast.Tuple | ast.List, values: list[Any]) -> None:
    parts = target.elts
    stars = [i for i, part in enumerate(parts) if isinstance(part, ast.Starred)]
    fixed = len(parts) - len(stars)
    if len(stars) > 1 or len(values) < fixed or (not stars and len(values) != fixed):
        raise Refusal(f"cannot unpack {len(values)} values into {len(parts)} targets")
    for i, part in enumerate(parts):
        if isinstance(part, ast.Starred):
            bind(where, part.value, values[i : i + len(values) - fixed])
        else:
            bind(where, part, values[i if not stars or i < stars[0] else i + len(values) - len(parts)])


def _set_item(where: Expressions, container: Any, index: Any, value: Any, target: ast.AST) -> None:
    if isinstance(container, ConfigDict):
        if isinstance(index, slice):
            raise Refusal("a slice cannot be a key")
        put(container, where.budget.key(index), value, where.origin(target), where.budget)
    elif isinstance(container, list):
        if isinstance(index, slice):
            value = items(value, where.budget)
            where.budget.elements(len(container) + len(value))
        container[index] = value
    else:
        raise Refusal(f"items of {kind(container)} cannot be assigned")
