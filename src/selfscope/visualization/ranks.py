"""Who writes: in distributed training, rank 0 alone."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def rank() -> int:
    """This process's rank: of torch.distributed where it is imported and set up, else `RANK` (torchrun), else 0."""
    distributed = sys.modules.get("torch.distributed")
    if distributed is not None and distributed.is_available() and distributed.is_initialized():
        return int(distributed.get_rank())
    return int(os.environ.get("RANK") or 0)


def master_only(function: F) -> F:
    """Runs the function on rank 0; on every other rank it does nothing and returns None."""

    @functools.wraps(function)
    def on_rank_zero(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if rank() == 0 else None

    return on_rank_zero  # type: ignore[return-value]
