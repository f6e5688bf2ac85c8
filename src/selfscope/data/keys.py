"""What an item is called: its path below the data root without suffix, made unique and safe as a path of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np


class Keys(Sequence[str]):
    """One key a name, unique among them.

    Names that differ in the suffix alone keep it; the same name again is numbered `~2`, `~3`, …. `..` and leading `/`
    go, so that a key joined to a folder stays below it; bytes that are no UTF-8 become `�`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        stems = np.fromiter((hash(_stem(name)) for name in names), np.int64, len(names))
        _, inverse, counts = np.unique(stems, return_inverse=True, return_counts=True)
        self._special: dict[int, str] = {}
        taken: dict[str, int] = {}
        for index in np.flatnonzero(counts[inverse] > 1).tolist():
            name = safe(names[index])
            taken[name] = taken.get(name, 0) + 1
            self._special[index] = name if taken[name] == 1 else f"{name}~{taken[name]}"

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._special.get(index) or _stem(self._names[index])


def safe(name: str) -> str:
    """A name that stays below whatever folder it is joined to, and that any file system or JSON can hold."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts).encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _stem(name: str) -> str:
    return os.path.splitext(safe(name))[0]
