"""The points of a loop at which hooks are called, with what each hands over, and who is called first."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from selfscope.errors import UsageError, nearest

_ITERATION = {"before": ("batch_idx", "data_batch"), "after": ("batch_idx", "data_batch", "outputs")}

POINTS: Mapping[str, tuple[str, ...]] = {
    "before_run": (),
    "after_load_checkpoint": ("checkpoint",),
    "before_train": (),
    "before_train_epoch": (),
    "before_train_iter": _ITERATION["before"],
    "after_train_iter": _ITERATION["after"],
    "after_train_epoch": (),
    "before_val": (),
    "before_val_epoch": (),
    "before_val_iter": _ITERATION["before"],
    "after_val_iter": _ITERATION["after"],
    "after_val_epoch": ("metrics",),
    "after_val": (),
    "before_save_checkpoint": ("checkpoint",),
    "after_train": (),
    "before_test": (),
    "before_test_epoch": (),
    "before_test_iter": _ITERATION["before"],
    "after_test_iter": _ITERATION["after"],
    "after_test_epoch": ("metrics",),
    "after_test": (),
    "after_run": (),
}
"""Each point, in the order of a run, with the names of what it is called with after `runner`."""

GENERIC = {
    "_before_epoch": ("before_train_epoch", "before_val_epoch", "before_test_epoch"),
    "_after_epoch": ("after_train_epoch", "after_val_epoch", "after_test_epoch"),
    "_before_iter": ("before_train_iter", "before_val_iter", "before_test_iter"),
    "_after_iter": ("after_train_iter", "after_val_iter", "after_test_iter"),
}
"""MMEngine's methods that serve training, validation and test alike, told apart by `mode`."""

_WORDS = {
    "batch": "iter",
    "step": "iter",
    "iteration": "iter",
    "fit": "train",
    "training": "train",
    "validation": "val",
}
"""What other libraries call the same."""

PRIORITIES: Mapping[str, int] = {
    "HIGHEST": 0,
    "VERY_HIGH": 10,
    "HIGH": 30,
    "ABOVE_NORMAL": 40,
    "NORMAL": 50,
    "BELOW_NORMAL": 60,
    "LOW": 70,
    "VERY_LOW": 90,
    "LOWEST": 100,
}


def priority_value(priority: str | int, owner: str) -> int:
    """0 (called first) to 100 of a name such as `BELOW_NORMAL`, or of such a number itself."""
    if isinstance(priority, str) and priority.upper() in PRIORITIES:
        return PRIORITIES[priority.upper()]
    if isinstance(priority, int) and not isinstance(priority, bool) and 0 <= priority <= 100:
        return priority
    hint = nearest(priority.upper(), PRIORITIES) if isinstance(priority, str) else ""
    raise UsageError(f"{owner}: priority must be 0..100 or one of {', '.join(PRIORITIES)}, got {priority!r}.{hint}")


def check_points(methods: Mapping[str, Any], owner: str, known: Mapping[str, Any] | None = None) -> None:
    """Refuses public methods that look like a point of the loop and are none, and points that cannot be called.

    What begins with `before_` or `after_`, or is spelt almost like a point, would otherwise never run, in silence.
    `known` names methods that the class has for another reason.
    """
    for name, method in methods.items():
        if name.startswith("_") or not inspect.isroutine(method):
            continue
        if name in POINTS:
            _check_signature(name, method, owner)
        elif name not in (known or ()) and (name.startswith(("before_", "after_")) or nearest(name, POINTS, 0.85)):
            hint = _meant(name) or f" Points are {', '.join(POINTS)}."
            raise UsageError(f"{owner}.{name} is no point of the training loop and would never be called.{hint}")


def _meant(name: str) -> str:
    """The point with the same words, whatever their order and whichever library's; else the one spelt most alike."""
    words = [_WORDS.get(word, word) for word in name.split("_")]
    same = next((point for point in POINTS if sorted(point.split("_")) == sorted(words)), None)
    return f" Did you mean {same!r}?" if same else nearest("_".join(words), POINTS)


def _check_signature(name: str, method: Any, owner: str) -> None:
    function = getattr(method, "__func__", method)
    given = ("runner", *POINTS[name])
    try:
        receiver = () if isinstance(method, staticmethod) else (None,)
        inspect.signature(function).bind(*receiver, None, **dict.fromkeys(POINTS[name]))
    except TypeError as error:
        raise UsageError(f"{owner}.{name} is called as {name}({', '.join(given)}), and cannot be: {error}") from error
