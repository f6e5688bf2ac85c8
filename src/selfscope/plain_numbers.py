"""Numbers as people have them (tensors, arrays, numpy's) become Python's own; what is none is refused by name."""

from __future__ import annotations

from collections.abc import Mapping
from operator import index
from typing import Any

from selfscope.errors import RecordError

RESERVED_TAGS = ("step", "_t")
FARTHEST_STEP = 2**63 - 1


def plain_numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """A copy of tags with one number each; tensors and arrays of one element become numbers.

    Runs at every step of a training, most often on a dict of floats.
    """
    if values.__class__ is not dict:
        numbers = _each_number(values)
    else:
        numbers = values.copy()
        for tag, value in numbers.items():
            if value.__class__ is not float or tag.__class__ is not str:
                numbers = _each_number(values)
                break
    if "step" in numbers or "_t" in numbers:
        given = " and ".join(repr(tag) for tag in RESERVED_TAGS if tag in numbers)
        raise RecordError(f"scalar tag {given} is reserved by the file format: choose another name")
    return numbers


def whole_step(step: Any, key: str) -> int:
    """A step that files and trackers can hold: a whole number of 64 bits, negative ones included."""
    if step.__class__ is int and -FARTHEST_STEP <= step <= FARTHEST_STEP:
        return step
    try:
        whole = index(step.item() if hasattr(step, "item") else step)
    except (TypeError, ValueError, RuntimeError):
        whole = FARTHEST_STEP + 1
    if abs(whole) > FARTHEST_STEP:
        raise RecordError(f"{key}: expected a step that is a whole number of 64 bits, got {_said(step)}")
    return whole


def _each_number(values: Mapping[str, Any]) -> dict[str, float]:
    if not hasattr(values, "items"):
        raise RecordError(f"scalars: expected a mapping of tags to numbers, got {_said(values)}")
    return {str(tag): _number(tag, value) for tag, value in values.items()}


def _number(tag: str, value: Any) -> float:
    try:
        value = value.item() if hasattr(value, "item") else value
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError) as error:
        raise RecordError(f"scalar {tag!r}: expected one number, got {_said(value)}") from error
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else number


def _said(value: Any) -> str:
    given = hex(value) if isinstance(value, int) and value.bit_length() > 256 else repr(value)  # repr may refuse these
    return f"{type(value).__name__} {given:.80}"
