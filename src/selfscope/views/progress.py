"""How a view tells how far it is; whoever calls it decides how that is shown."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the number of items done and how many there are in all; `note` is a word on the latest of them."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


def silent(done: int, total: int, note: str = "") -> None:
    """Shows nothing."""
