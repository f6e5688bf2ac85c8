"""The global generators of random numbers, lent to code that draws from nothing else."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import numpy as np

_lent = threading.RLock()  # threads that read images would draw from each other's seeds


@contextmanager
def global_seeds(rng: np.random.Generator) -> Iterator[None]:
    """Seeds the global generators of Python, NumPy and (once imported) torch from `rng`, and restores them after."""
    with _lent:
        yield from _lend(rng)


def _lend(rng: np.random.Generator) -> Iterator[None]:
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - they are what foreign code draws from
    torch = sys.modules.get("torch")
    seed = int(rng.integers(2**32))
    with torch.random.fork_rng(devices=[]) if torch else nullcontext():
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        if torch:
            torch.default_generator.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)  # noqa: NPY002
