"""Where a model runs."""

from __future__ import annotations

import torch

from selfscope.errors import UsageError


def pick_device(name: str | torch.device | None = None) -> torch.device:
    """The named device if it is there, or the best one present: CUDA, then Apple's MPS, then the CPU."""
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if _has_mps() else "cpu")
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
    return device


def _has_mps() -> bool:
    return torch.backends.mps.is_available()
