"""Features of the same images, brought into one order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from selfscope.errors import DataError
from selfscope.structures import Features


def matched(spaces: Sequence[Features], arrays: Sequence[np.ndarray], names: Sequence[str]) -> list[np.ndarray]:
    """`arrays`, one of each of `spaces`, in the order of the first: by path where both know it, else as given.

    Other images, or another number of them, are refused with counts.
    """
    found = [arrays[0]]
    for space, array, name in zip(spaces[1:], arrays[1:], names[1:], strict=True):
        if space.paths is not None and spaces[0].paths is not None and space.paths != spaces[0].paths:
            array = array[_order(spaces[0].paths, space.paths, names[0], name)]
        elif len(array) != len(arrays[0]):
            raise DataError(f"{names[0]} has {len(arrays[0])} images, {name} {len(array)}: give the same ones")
        found.append(array)
    return found


def _order(wanted: Sequence[str], there: Sequence[str], first: str, name: str) -> np.ndarray:
    place = {path: row for row, path in enumerate(there)}
    missing = [path for path in wanted if path not in place]
    extra = len(set(there) - set(wanted))
    if missing or extra or len(there) != len(wanted):
        example = f", such as {missing[0]}" if missing else ""
        raise DataError(
            f"{len(missing)} images of {first} are not in {name}{example}, and {extra} the other way round: "
            "extract both from the same folder"
        )
    return np.array([place[path] for path in wanted])


def by_names(labels: np.ndarray, names: Sequence[str] | None, wanted: Sequence[str] | None) -> np.ndarray:
    """Labels `(N,)` that number `names`, renumbered as in `wanted`: a folder that lacks a class counts on without it.

    Unchanged where either side has no names; labels whose names are not wanted are refused.
    """
    if names is None or wanted is None or tuple(names) == tuple(wanted):
        return labels
    place = {name: number for number, name in enumerate(wanted)}
    used = [names[number] for number in np.unique(labels[labels >= 0]).tolist()]
    unknown = [name for name in used if name not in place]
    if unknown:
        raise DataError(
            f"{len(unknown)} of {len(used)} classes to be judged are not among those learnt from, "
            f"such as {unknown[0]!r}"
        )
    numbers = np.array([place.get(name, -1) for name in names])
    return np.where(labels >= 0, numbers[labels], -1)
