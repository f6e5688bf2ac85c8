"""Memory for pictures on their way to the backends, used again and again: fresh pages cost more than the copy."""

from __future__ import annotations

import weakref
from collections import defaultdict, deque

import numpy as np

_AHEAD = 4
_STEP = 1 << 16
"""Buffers come in multiples of this many bytes, so that pictures of nearly one size share them."""


class Buffers:
    """Copies pictures into memory that is recycled once nobody holds the copy, or a part of it, any more."""

    def __init__(self, keep: int = 64 * 2**20) -> None:
        self._room = keep
        self._sizes: set[int] = set()
        self._free: defaultdict[int, deque[bytearray]] = defaultdict(deque)

    def copy(self, pixels: np.ndarray) -> np.ndarray:
        """A read-only copy of a uint8 array of any strides, contiguous."""
        size = -(-pixels.nbytes // _STEP) * _STEP
        self._sizes.add(size)
        try:
            memory = self._free[size].popleft()
            self._room += size
        except IndexError:
            memory = bytearray(size)
        # Views of `flat`, however many steps away, keep `flat` itself alive, since its memory belongs to no array.
        flat = np.frombuffer(memory, np.uint8, pixels.size)
        weakref.finalize(flat, self._give_back, memory).atexit = False
        copied = flat.reshape(pixels.shape)
        if pixels.flags.c_contiguous:  # in one go, without giving up the interpreter to a backend's thread in between
            memoryview(memory)[: pixels.nbytes] = pixels.reshape(-1).data
        else:
            np.copyto(copied, pixels)
        copied.flags.writeable = False
        return copied

    def prepare(self) -> None:
        """Has memory ready for the next pictures of each size seen: called by threads that have nothing to do."""
        for size in list(self._sizes):
            while len(self._free[size]) < _AHEAD and self._room >= size:
                memory = bytearray(size)
                np.frombuffer(memory, np.uint8)[::4096] = 1  # the system hands out pages when they are touched
                self._give_back(memory)

    def _give_back(self, memory: bytearray) -> None:
        """Runs wherever the last holder lets go, so it takes no lock; `_room` may be off by a buffer or two."""
        if self._room >= len(memory):
            self._room -= len(memory)
            self._free[len(memory)].append(memory)
