"""What an item is called: its path below the data root without suffix, made unique and safe as a path of its own."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np


class Keys(Sequence[str]):
    """One key a name, unique among them.

    Names that differ in the suffix alone keep it; the same name again is numbered `~2`, `~3`, …. `..` and leading `/`
    go, so that a key joined to a folder stays below it; nothing left is `_`; bytes that are no UTF-8 become `�`.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        hashes = np.fromiter((hash(_stem(name)) for name in names), np.int64, len(names))
        distinct, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        ordinary = distinct[counts == 1]  # hashes of the keys that are stems, sorted
        taken: set[str] = set()
        last: Counter[str] = Counter()
        self._special: dict[int, str] = {}
        for index in np.flatnonzero(counts[inverse] > 1).tolist():
            name = safe(names[index])
            for number in count(last[name] + 1):
                key = name if number == 1 else f"{name}~{number}"
                if key not in taken and not _among(hash(key), ordinary):
                    break
            last[name] = number
            taken.add(key)
            self._special[index] = key

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        return self._special.get(index) or _stem(self._names[index])


def safe(name: str) -> str:
    """A name that stays below whatever folder it is joined to, and that any file system or JSON can hold."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return ("/".join(parts) or "_").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _stem(name: str) -> str:
    return os.path.splitext(safe(name))[0]


def _among(value: int, ordered: np.ndarray) -> bool:
    place = int(np.searchsorted(ordered, value))
    return place < len(ordered) and int(ordered[place]) == value
