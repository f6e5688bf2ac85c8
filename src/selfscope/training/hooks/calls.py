"""`Hooks`: the hooks of one run, in the order of their priorities, called point by point."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from selfscope.errors import UsageError, nearest
from selfscope.training.hooks.hook import Hook
from selfscope.training.hooks.points import POINTS, check_points, priority_value


class Hooks:
    """Any object with methods named as the points of `Hook` can be added; only what it defines is ever called."""

    def __init__(self, hooks: Iterable[Any] = ()) -> None:
        self._hooks: list[tuple[int, Any]] = []
        self._calls: dict[str, list[Callable[..., Any]]] = {name: [] for name in POINTS}
        for hook in hooks:
            self.add(hook)

    def add(self, hook: Any, priority: str | int | None = None) -> None:
        """`priority` overrides the hook's own. Equals run in the order in which they were added."""
        if isinstance(hook, type):
            raise UsageError(f"{hook.__name__} is a class: add {hook.__name__}(…), an object of it")
        name = type(hook).__name__
        points = _points(hook, name)
        value = priority_value(getattr(hook, "priority", "NORMAL") if priority is None else priority, name)
        self._hooks.append((value, hook))
        self._hooks.sort(key=lambda pair: pair[0])  # a stable sort
        for point in points:
            ordered = [other for _, other in self._hooks if point in _points(other, name)]
            self._calls[point] = [getattr(other, point) for other in ordered]

    def call(self, point: str, runner: Any, **given: Any) -> None:
        """Calls what hangs at the point; what a hook raises goes through."""
        if point not in self._calls:
            raise UsageError(f"no point {point!r} in the training loop.{nearest(point, POINTS)}")
        for method in self._calls[point]:
            method(runner, **given)

    def describe(self) -> list[str]:
        """One line a hook, in the order in which they are called: `60  LoggerHook  (after_train_iter, after_run)`."""
        return [f"{value:3d}  {type(hook).__name__}  ({', '.join(_points(hook, ''))})" for value, hook in self._hooks]

    def __iter__(self) -> Iterator[Any]:
        return (hook for _, hook in self._hooks)

    def __len__(self) -> int:
        return len(self._hooks)

    def __repr__(self) -> str:
        return f"Hooks({', '.join(type(hook).__name__ for hook in self)})"


def _points(hook: Any, name: str) -> list[str]:
    if isinstance(hook, Hook):
        return hook.get_triggered_stages()
    methods = {key: getattr(type(hook), key) for key in dir(type(hook)) if not key.startswith("_")}
    check_points(methods, name)
    found = [point for point in POINTS if point in methods]
    if not found:
        raise UsageError(f"{name} has none of the methods that a hook may have: {', '.join(POINTS)}")
    return found
