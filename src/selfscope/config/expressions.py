"""Evaluates the expressions of a config: values in, values out, and no way to reach anything else.

Every value is None, a bool, number, text, bytes, range, list, tuple, set or `ConfigDict`; only the functions and
methods of `config/functions.py` can be called, and attributes are keys of dicts.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from selfscope.config import templates
from selfscope.config.assignment import bind
from selfscope.config.entries import keyed
from selfscope.config.functions import FUNCTIONS, items, method
from selfscope.config.limits import MAX_DEPTH, MAX_ELEMENTS, Budget, Refusal, integer, kind
from selfscope.config.operators import binary, compare, unary
from selfscope.config.syntax import parse_expression
from selfscope.config.text import formatted
from selfscope.config.values import ConfigDict, Origin, WrittenDict
from selfscope.errors import ConfigError, nearest

PYTHON_ERRORS = (ArithmeticError, AttributeError, LookupError, MemoryError, RecursionError, TypeError, ValueError)
READ = (
    "a config is read, not executed: it may hold literals, names, arithmetic, comprehensions and calls of dict, list, …"
)
UNREAD: dict[type[ast.AST], str] = {
    ast.Lambda: "a lambda",
    ast.NamedExpr: "`:=`",
    ast.Await: "`await`",
    ast.Yield: "`yield`",
    ast.YieldFrom: "`yield from`",
    ast.Starred: "`*` here",
    ast.GeneratorExp: "a generator outside of a call",
}


class Imported:
    """A name that `import copy` or `from copy import …` bound; it can be called, and is no value."""

    def __init__(self, functions: dict[str, Callable[..., Any]]) -> None:
        self.functions = functions


class Expressions:
    """Evaluates expressions of one file over its names; `bases` is what `_base_` means there."""

    def __init__(self, path: Path, file: str, bases: ConfigDict, budget: Budget) -> None:
        self.path, self.file, self.bases, self.budget = path, file, bases, budget
        self.scopes: list[dict[str, Any]] = [{}]
        """Names: the file's first, then one a comprehension that is being evaluated."""
        self.lines: dict[str, Origin] = {}
        """Where each of the file's names was last assigned."""
        self._depth = 0

    def value(self, node: ast.AST) -> Any:
        """What the expression evaluates to; whatever it may not or cannot do is a ConfigError with file and line."""
        self._depth += 1
        try:
            if self._depth > MAX_DEPTH:
                raise Refusal(f"this expression is nested deeper than {MAX_DEPTH} levels")
            self.budget.work()
            handler = _HANDLERS.get(type(node))
            if handler is None:
                raise Refusal(f"{UNREAD.get(type(node), type(node).__name__)} is not read; {READ}")
            return handler(self, node)
        except (Refusal, *PYTHON_ERRORS) as error:
            raise self.error(node, error) from error
        finally:
            self._depth -= 1

    def error(self, node: ast.AST, error: Exception) -> ConfigError:
        """The ConfigError for what happened at a node."""
        return ConfigError(_sentence(error), file=self.file, line=getattr(node, "lineno", None))

    def origin(self, node: ast.AST) -> Origin:
        return self.file, getattr(node, "lineno", None)

    def function(self, node: ast.expr) -> tuple[Callable[..., Any], list[Any]] | None:
        """The function that a call names, with the values that go before its arguments; None for `dict`."""
        if isinstance(node, ast.Name):
            bound = self._lookup(node.id)
            if isinstance(bound, Imported) and node.id in bound.functions:
                return bound.functions[node.id], []
            if node.id == "dict":
                return None
            if node.id not in FUNCTIONS:
                known = ["dict", *FUNCTIONS]
                raise Refusal(
                    f"{node.id!r} cannot be called.{nearest(node.id, known)} Known: {', '.join(sorted(known))}"
                )
            return FUNCTIONS[node.id], []
        if isinstance(node, ast.Attribute):
            bound = self._lookup(node.value.id) if isinstance(node.value, ast.Name) else None
            if isinstance(bound, Imported):
                if node.attr not in bound.functions:
                    raise Refusal(f"`copy` has `copy` and `deepcopy`, not {node.attr!r}")
                return bound.functions[node.attr], []
            receiver = self.value(node.value)
            return method(receiver, node.attr), [receiver]
        raise Refusal(f"only functions and methods by name can be called; {READ}")

    def index(self, node: ast.expr) -> Any:
        """The value of what stands between brackets: an index, key or slice."""
        if isinstance(node, ast.Slice):
            bounds = [None if part is None else self.value(part) for part in (node.lower, node.upper, node.step)]
            return slice(*bounds)
        return self.value(node)

    def _lookup(self, name: str) -> Any:
        self.budget.work(len(self.scopes))
        return next((scope[name] for scope in reversed(self.scopes) if name in scope), None)

    def _name(self, node: ast.Name) -> Any:
        self.budget.work(len(self.scopes))
        for scope in reversed(self.scopes):
            if node.id in scope:
                if isinstance(scope[node.id], Imported):
                    raise Refusal(f"{node.id!r} is a module or function, not a value")
                return scope[node.id]
        if node.id == "_base_":
            return self.bases
        if node.id == "__name__":
            return (
                "builtins"  # what the name is where MMEngine executes configs: `if __name__ == "__main__"` is skipped
            )
        if node.id in self.bases:
            raise Refusal(f"{node.id!r} stands in a base: write `_base_.{node.id}`")
        if node.id in FUNCTIONS or node.id == "dict":
            raise Refusal(f"{node.id!r} is a function, not a value: call it")
        raise Refusal(f"{node.id!r} is not defined.{nearest(node.id, self.scopes[0])}")

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, str):
            return templates.fill(node.value, self.path)
        if isinstance(node.value, int):
            return integer(node.value)
        if node.value is None or isinstance(node.value, (float, bytes)):
            return node.value
        raise Refusal(f"{node.value!r} is not a config value")

    def _list(self, node: ast.List) -> list[Any]:
        values: list[Any] = []
        for part in node.elts:
            values.extend(
                items(self.value(part.value), self.budget) if isinstance(part, ast.Starred) else [self.value(part)]
            )
        self.budget.elements(len(values))
        return values

    def _tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self._list(node))  # type: ignore[arg-type]

    def _set(self, node: ast.Set) -> Any:
        inner = templates.inner(node)
        if inner is None:
            return {self.budget.key(item) for item in self._list(node)}  # type: ignore[arg-type]
        root = inner
        while isinstance(root, ast.Attribute):
            root = root.value
        if root is not inner and isinstance(root, ast.Name) and root.id == "_base_":
            return self.value(inner)
        source = templates.variable_source(getattr(inner, "value", None))
        if source is not None:
            return self.value(parse_expression(source, self.file, inner.lineno))
        raise Refusal("`{{ … }}` without quotes takes `_base_.name` or '$VARIABLE:default'; a path goes in quotes")

    def _dict(self, node: ast.Dict) -> ConfigDict:
        made = WrittenDict.at(self.origin(node))
        self.budget.elements(len(node.values))
        for name, part in zip(node.keys, node.values, strict=True):
            if name is None:
                self._merge_entries(made, keyed(self.value(part)))
            else:
                made.put(self.budget.key(self.value(name)), self.value(part), self.origin(name))
        return made

    def _merge_entries(self, made: ConfigDict, source: Any) -> None:
        if isinstance(source, ConfigDict):
            self.budget.elements(len(source))
            for entry in source.entries():
                made.put(*entry)
        else:
            for pair in items(source, self.budget):
                name, value = items(pair, self.budget)
                made.put(self.budget.key(name), value, made.origin)

    def _call(self, node: ast.Call) -> Any:
        found = self.function(node.func)
        if found is None:
            return self._dict_call(node)
        function, first = found
        arguments: list[Any] = []
        for part in node.args:
            if isinstance(part, ast.Starred):
                arguments.extend(items(self.value(part.value), self.budget))
            else:
                arguments.append(self._argument(part))
        named = dict(self._dict_call(node, arguments=False))
        try:
            return function(self.budget, *first, *arguments, **named)
        except TypeError as error:
            if " argument" not in str(error):
                raise
            raise Refusal(f"`{ast.unparse(node.func):.60}()` does not take these arguments") from error

    def _dict_call(self, node: ast.Call, *, arguments: bool = True) -> ConfigDict:
        made = WrittenDict.at(self.origin(node))
        if arguments and node.args:
            if len(node.args) > 1:
                raise Refusal("`dict` takes one value and names")
            self._merge_entries(made, self._argument(node.args[0]))
        given: set[str] = set()
        for part in node.keywords:
            value = self.value(part.value)
            named = [(part.arg, value, self.origin(part))] if part.arg else list(keyed(value).entries())
            for name, item, where in named:
                if not isinstance(name, str) or name in given:
                    raise Refusal(f"the name {name!r} is given twice" if name in given else f"{name!r} is not a name")
                given.add(name)
                made.put(name, item, where)
        self.budget.elements(len(made))
        return made

    def _argument(self, node: ast.expr) -> Any:
        return list(self._comprehended(node, node.elt)) if isinstance(node, ast.GeneratorExp) else self.value(node)

    def _attribute(self, node: ast.Attribute) -> Any:
        owner = self.value(node.value)
        if not isinstance(owner, ConfigDict):
            raise Refusal(f"{kind(owner)} has no attribute {node.attr!r}: attributes are keys of dicts")
        if node.attr not in owner:
            raise Refusal(
                f"there is no {node.attr!r} here.{nearest(node.attr, (k for k in owner if isinstance(k, str)))}"
            )
        return owner[node.attr]

    def _subscript(self, node: ast.Subscript) -> Any:
        container = self.value(node.value)
        if isinstance(container, set):
            raise Refusal("a set has no items by index")
        index = self.index(node.slice)
        if isinstance(index, slice):
            if not isinstance(container, range):
                self.budget.elements(len(range(*index.indices(len(container)))))
            return container[index]
        return container[self.budget.key(index)]

    def _binop(self, node: ast.BinOp) -> Any:
        return binary(type(node.op), self.value(node.left), self.value(node.right), self.budget)

    def _unaryop(self, node: ast.UnaryOp) -> Any:
        return unary(type(node.op), self.value(node.operand))

    def _boolop(self, node: ast.BoolOp) -> Any:
        stop_at = isinstance(node.op, ast.Or)
        result: Any = None
        for part in node.values:
            result = self.value(part)
            if bool(result) is stop_at:
                break
        return result

    def _compare(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            if not compare(type(sign), left, right, self.budget):
                return False
            left = right
        return True

    def _ifexp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _joinedstr(self, node: ast.JoinedStr) -> str:
        parts = [
            self.value(part) if isinstance(part, ast.FormattedValue) else self._literal(part) for part in node.values
        ]
        self.budget.elements(sum(map(len, parts)))
        return "".join(parts)

    def _literal(self, node: ast.expr) -> str:
        return templates.fill_fstring(str(getattr(node, "value", "")), self.path)

    def _formattedvalue(self, node: ast.FormattedValue) -> str:
        spec = "" if node.format_spec is None else self.value(node.format_spec)
        return formatted(self.value(node.value), node.conversion, spec, self.budget)

    def _listcomp(self, node: ast.ListComp) -> list[Any]:
        return list(self._comprehended(node, node.elt))

    def _setcomp(self, node: ast.SetComp) -> set[Any]:
        return {self.budget.key(item) for item in self._comprehended(node, node.elt)}

    def _dictcomp(self, node: ast.DictComp) -> ConfigDict:
        pair = ast.copy_location(ast.Tuple([node.key, node.value], ast.Load()), node)
        where = self.origin(node)
        made = WrittenDict.at(where)
        for name, value in self._comprehended(node, pair):
            made.put(self.budget.key(name), value, where)
        return made

    def _comprehended(self, node: Any, result: ast.expr) -> Iterator[Any]:
        outermost = items(self.value(node.generators[0].iter), self.budget)
        self.scopes.append({})
        depth = len(self.scopes)
        self.budget.work(10 * depth)
        try:
            for made, _ in enumerate(self._rounds(node.generators, outermost)):
                self.budget.work(len(node.generators))
                if made >= MAX_ELEMENTS:
                    raise Refusal("a comprehension makes too many elements")
                yield self.value(result)
        finally:
            del self.scopes[depth - 1 :]

    def _rounds(self, generators: list[ast.comprehension], values: list[Any]) -> Iterator[None]:
        first, rest = generators[0], generators[1:]
        if first.is_async:
            raise Refusal("`async for` is not read")
        for item in values:
            self.budget.work(len(self.scopes) + len(generators))
            bind(self, first.target, item)
            if not all(self.value(condition) for condition in first.ifs):
                continue
            if rest:
                yield from self._rounds(rest, items(self.value(rest[0].iter), self.budget))
            else:
                yield


def _sentence(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no key {error.args[0]!r:.80}" if error.args else "there is no such key"
    if isinstance(error, RecursionError):
        return "this is nested too deeply"
    if isinstance(error, MemoryError):
        return "this needs more memory than there is"
    if isinstance(error, OverflowError):
        return "this number is too large"
    return str(error) or type(error).__name__


_HANDLERS: dict[type[ast.AST], Callable[[Expressions, Any], Any]] = {
    ast.Name: Expressions._name,
    ast.Constant: Expressions._constant,
    ast.List: Expressions._list,
    ast.Tuple: Expressions._tuple,
    ast.Set: Expressions._set,
    ast.Dict: Expressions._dict,
    ast.Call: Expressions._call,
    ast.Attribute: Expressions._attribute,
    ast.Subscript: Expressions._subscript,
    ast.BinOp: Expressions._binop,
    ast.UnaryOp: Expressions._unaryop,
    ast.BoolOp: Expressions._boolop,
    ast.Compare: Expressions._compare,
    ast.IfExp: Expressions._ifexp,
    ast.JoinedStr: Expressions._joinedstr,
    ast.FormattedValue: Expressions._formattedvalue,
    ast.ListComp: Expressions._listcomp,
    ast.SetComp: Expressions._setcomp,
    ast.DictComp: Expressions._dictcomp,
}
