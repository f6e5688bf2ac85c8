"""What reading one config may cost: every limit is checked before the cost is paid, so no clock is needed."""

from __future__ import annotations

from typing import Any

from selfscope.config.values import UNKNOWN, Origin

MAX_SOURCE = 1_000_000
"""Bytes of source, all bases together."""
MAX_FILES = 256
MAX_DEPTH = 100
"""Of expressions, of values, and of bases."""
MAX_BITS = 4096
MAX_ELEMENTS = 1_000_000
"""In one value: items of containers, characters of text."""
MAX_WORK = 3_000_000
"""Evaluated expressions, and elements made, copied, compared or printed, all bases together: a few seconds."""


class Refusal(Exception):
    """Why something is not evaluated; whoever knows the file and line makes a `ConfigError` of it."""

    def __init__(self, message: str, origin: Origin = UNKNOWN) -> None:
        self.origin = origin
        super().__init__(message)


class Budget:
    """Counts what the reading of one config, with its bases, has cost so far."""

    def __init__(self) -> None:
        self.spent = self.files = self.source = 0

    def file(self) -> None:
        self.files += 1
        if self.files > MAX_FILES:
            raise Refusal(f"a config may have at most {MAX_FILES} bases")

    def text(self, size: int) -> None:
        self.source += size
        if self.source > MAX_SOURCE:
            raise Refusal(f"a config and its bases may hold at most {MAX_SOURCE:,} bytes of source")

    def work(self, amount: int = 1) -> None:
        self.spent += amount
        if self.spent > MAX_WORK:
            raise Refusal(f"reading this config takes more than {MAX_WORK:,} steps")

    def elements(self, count: int) -> None:
        """Pays for a container or text of `count` elements that is about to be made."""
        if count > MAX_ELEMENTS:
            raise Refusal(f"this would make a value of {_brief(count)} elements: at most {MAX_ELEMENTS:,} are allowed")
        self.work(count)

    def walk(self, value: Any, *, printed: bool = False) -> int:
        """Pays for visiting all that `value` holds, shared parts as often as they occur; the number of elements.

        A text counts its characters, a number one, or where it is `printed` about its characters.

        Copying, comparing, hashing and printing take that long: a few lines of `a = [a, a]` would never end.
        """
        total, rest = 1, [(value, 0)]
        while rest:
            item, depth = rest.pop()
            if depth > MAX_DEPTH:
                raise Refusal(f"this value is nested deeper than {MAX_DEPTH} levels, or holds itself")
            if isinstance(item, (dict, list, tuple, set)):
                total += len(item) * (2 if isinstance(item, dict) else 1)
                self._check(total)
                rest.extend((child, depth + 1) for child in item)
                if isinstance(item, dict):
                    rest.extend((child, depth + 1) for child in item.values())
            else:
                total += weight(item, printed)
                self._check(total)
        self.work(total)
        return total

    def key(self, value: Any) -> Any:
        """The value itself, when it may be a key: text, a number, None, or a tuple of these.

        Integers stay below 2**60, where Python's hash is the number itself: many keys of one hash would never end.
        """
        if isinstance(value, tuple):
            self.walk(value)
        rest = [value]
        while rest:
            item = rest.pop()
            if isinstance(item, tuple):
                rest.extend(item)
            elif isinstance(item, int) and abs(item) >= 2**60:
                raise Refusal("an integer that is a key or in a set must be below 2**60")
            elif item is not None and not isinstance(item, (str, bytes, int, float)):
                raise Refusal(f"{kind(item)} cannot be a key or in a set")
        return value

    def _check(self, total: int) -> None:
        if total > MAX_ELEMENTS:
            raise Refusal(f"this value holds more than {MAX_ELEMENTS:,} elements, shared ones counted each time")


def weight(leaf: Any, printed: bool = False) -> int:
    """How many elements text, a number or a range counts as."""
    if isinstance(leaf, (str, bytes)):
        return len(leaf)
    if isinstance(leaf, int):
        return leaf.bit_length() // (4 if printed else 64)
    return 24 if printed and isinstance(leaf, (float, range)) else 1


def kind(value: Any) -> str:
    """`a list`, `an int`, `None`: how messages call a value."""
    if value is None:
        return "None"
    name = "dict" if isinstance(value, dict) else type(value).__name__
    return f"an {name}" if name[0] in "aeiou" else f"a {name}"


def integer(value: int) -> int:
    """The number itself, when it is not too long."""
    if value.bit_length() > MAX_BITS:
        raise Refusal(f"integers may have at most {MAX_BITS:,} bits")
    return value


def _brief(count: int) -> str:
    return f"{count:,}" if count < 10**15 else "very many"
