"""How this package compiles: on first use, without the GIL, kept on disk for the next process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Sums may be reordered, which lets them run in vector registers; NaN and infinity keep their meaning.

    One compiled form lasts for all calls as long as the argument types stay the same, so every caller passes
    float32 arrays, uint32 indices, Python ints and floats. Threads run these functions side by side; none of them
    starts threads of its own. Where no folder can be written, they are compiled anew in every process.
    """
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": {"reassoc", "contract", "arcp", "nsz"},
    }
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba found no writable folder for its cache
        return numba.njit(**options)(function)
