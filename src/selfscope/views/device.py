"""Where a model runs, and how much it is given at once."""

from __future__ import annotations

import os
from collections.abc import Callable

import torch

from selfscope.errors import UsageError

CPU_BATCH = 8
"""Images a thread: activations of more leave the processor's caches, and take up to a third longer."""
MPS_BATCH = 32
FEWEST, MOST = 8, 512
SHARE = 0.6
"""Of the free memory of a GPU: others may run there, and memory splinters."""


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """The named device if it is there, or the best one present: CUDA, then Apple's MPS, then the CPU.

    Of several GPUs a process that torchrun started takes the one of its LOCAL_RANK.
    """
    if name is None:
        name = "cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"device: expected cpu, cuda, cuda:N or mps, got {name!r}") from error
    missing = {
        "cuda": not torch.cuda.is_available() or (device.index or 0) >= torch.cuda.device_count(),
        "mps": not _has_mps(),
    }
    if missing.get(device.type, False):
        raise UsageError(f"device: {name!r} is not on this machine; leave --device out to take {pick_device()}")
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    return device


def automatic_batch(device: torch.device, run: Callable[[int], object]) -> int:
    """Images a step. On CUDA as many as memory holds, found by `run(n)` of two small batches."""
    if device.type != "cuda":
        return CPU_BATCH if device.type == "cpu" else MPS_BATCH
    peaks = []
    for count in (FEWEST, 2 * FEWEST):
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
        run(count)
        peaks.append(torch.cuda.max_memory_allocated(device))
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info(device)
    return batch_that_fits((peaks[1] - peaks[0]) / FEWEST, free)


def batch_that_fits(bytes_each: float, free: float) -> int:
    """The power of two, `FEWEST` to `MOST`, of images that take no more than `SHARE` of the free bytes."""
    batch = FEWEST
    while 2 * batch <= MOST and 2 * batch * max(bytes_each, 1.0) <= SHARE * free:
        batch *= 2
    return batch


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
