"""Evaluates the statements of one config file, from the top to the bottom."""

from __future__ import annotations

import ast
from typing import Any

from selfscope.config.assignment import augment, bind, delete
from selfscope.config.expressions import PYTHON_ERRORS, READ, Expressions, Imported
from selfscope.config.functions import COPYING, items
from selfscope.config.limits import MAX_DEPTH, Refusal

NEW_STYLE = (
    "this is a new-style config (`with read_base()`), which needs its packages imported: "
    "use the edition of it that names its bases in `_base_ = […]`"
)
UNREAD: dict[type[ast.AST], str] = {
    ast.FunctionDef: "`def`",
    ast.AsyncFunctionDef: "`async def`",
    ast.ClassDef: "`class`",
    ast.While: "`while`",
    ast.Try: "`try`",
    ast.Raise: "`raise`",
    ast.Assert: "`assert`",
    ast.Global: "`global`",
    ast.Nonlocal: "`nonlocal`",
    ast.Return: "`return`",
    ast.Break: "`break`",
    ast.Continue: "`continue`",
    ast.AsyncFor: "`async for`",
    ast.AsyncWith: "`async with`",
}


class Statements:
    """Runs statements over the names of an `Expressions`."""

    def __init__(self, expressions: Expressions) -> None:
        self.expressions = expressions
        self._depth = 0

    def run(self, body: list[ast.stmt]) -> None:
        """Evaluates statements in order; the first that may not be evaluated is a ConfigError with file and line."""
        self._depth += 1
        for node in body:
            self._guarded(node)
        self._depth -= 1

    def _guarded(self, node: ast.stmt) -> None:
        try:
            if self._depth > MAX_DEPTH:
                raise Refusal("blocks are nested too deeply")
            self.expressions.budget.work()
            self._statement(node)
        except (Refusal, *PYTHON_ERRORS) as error:
            raise self.expressions.error(node, error) from error

    def _statement(self, node: ast.stmt) -> None:
        where = self.expressions
        if isinstance(node, ast.Assign):
            self._assign(node)
        elif isinstance(node, ast.AugAssign):
            augment(where, node)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None and not _is_base(node.target):
                bind(where, node.target, where.value(node.value))
        elif isinstance(node, ast.Delete):
            for target in node.targets:
                delete(where, target)
        elif isinstance(node, ast.Expr):
            self._expression(node.value)
        elif isinstance(node, ast.If):
            self.run(node.body if where.value(node.test) else node.orelse)
        elif isinstance(node, ast.For):
            self._for(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            self._import(node)
        elif isinstance(node, ast.With) and "read_base" in ast.unparse(node.items[0].context_expr)[:80]:
            raise Refusal(NEW_STYLE)
        elif not isinstance(node, ast.Pass):
            name = UNREAD.get(type(node), f"`{type(node).__name__.lower()}`")
            raise Refusal(f"{name} is not read; {READ}")

    def _assign(self, node: ast.Assign) -> None:
        if _is_base(node.targets[0]):
            return
        value = self.expressions.value(node.value)
        for target in node.targets:
            bind(self.expressions, target, value)

    def _expression(self, node: ast.expr) -> None:
        if isinstance(node, ast.Constant):
            return  # a docstring
        if not isinstance(node, ast.Call):
            raise Refusal("this line changes nothing: assign it to a name")
        self.expressions.value(node)

    def _for(self, node: ast.For) -> None:
        for item in items(self.expressions.value(node.iter), self.expressions.budget):
            bind(self.expressions, node.target, item)
            self.run(node.body)
        self.run(node.orelse)

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        module = node.module if isinstance(node, ast.ImportFrom) else None
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom) and (node.level or "read_base" in names):
            raise Refusal(NEW_STYLE)
        for alias in node.names:
            bound: Any = None
            if module == "copy" and alias.name in COPYING:
                bound = Imported({alias.asname or alias.name: COPYING[alias.name]})
            elif module is None and alias.name == "copy":
                bound = Imported(dict(COPYING))
            if bound is None:
                raise Refusal(f"`import {module or alias.name}`: only `copy` can be imported; {READ}")
            self.expressions.scopes[0][alias.asname or alias.name] = bound


def base_node(tree: ast.Module) -> ast.expr | None:
    """The expression given to `_base_`; a file gives it once."""
    found: list[ast.expr] = []
    for node in tree.body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        value = getattr(node, "value", None)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and _is_base(target) and value is not None:
            found.append(value)
    if len(found) > 1:
        raise Refusal("`_base_` is given twice: name all bases in one list", (None, found[1].lineno))
    return found[0] if found else None


def _is_base(target: ast.AST | None) -> bool:
    return isinstance(target, ast.Name) and target.id == "_base_"
