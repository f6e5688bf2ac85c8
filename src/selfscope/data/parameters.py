"""What configs may write for a size, a probability or a range, checked when a transform is built."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import Any

from selfscope.errors import ConfigError


def pair(value: Any, name: str) -> tuple[int, int]:
    """Two positive integers from one or two: `224` is `(224, 224)`; the order is the caller's."""
    both = (value, value) if isinstance(value, Real) else tuple(value) if isinstance(value, Sequence) else ()
    if len(both) != 2 or not all(_positive_whole(side) for side in both):
        raise ConfigError(f"{name}={value!r}: expected a positive integer or two of them")
    return int(both[0]), int(both[1])


def probability(value: Any, name: str = "prob") -> float:
    if not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise ConfigError(f"{name}={value!r}: expected a probability between 0 and 1")
    return float(value)


def interval(value: Any, name: str, *, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """Two ordered numbers within `low..high`."""
    both = tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else ()
    if len(both) != 2 or not all(isinstance(v, Real) for v in both) or not low <= both[0] <= both[1] <= high:
        limits = "" if low == -math.inf and high == math.inf else f" within {low:g}..{high:g}"
        raise ConfigError(f"{name}={value!r}: expected (min, max){limits}")
    return float(both[0]), float(both[1])


def one_of(value: Any, name: str, known: Sequence[str]) -> str:
    if value not in known:
        raise ConfigError(f"{name}={value!r}: expected one of {', '.join(map(repr, known))}")
    return str(value)


def _positive_whole(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool) and float(value).is_integer() and float(value) > 0
