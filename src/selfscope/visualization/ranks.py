"""Who writes: in distributed training, rank 0 alone."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])


def rank() -> int:
    """This process's rank: of torch.distributed where it is imported and set up, else `RANK` (torchrun), else 0."""
    is_initialized = getattr(sys.modules.get("torch.distributed"), "is_initialized", None)
    if is_initialized is not None and is_initialized():
        return int(sys.modules["torch.distributed"].get_rank())
    return environment_rank()


@lru_cache(maxsize=1)
def environment_rank() -> int:
    """`RANK`, read once: a launcher sets it before Python starts."""
    return int(os.environ.get("RANK") or 0)


def master_only(function: F) -> F:
    """Runs the function on rank 0; on every other rank it does nothing and returns None."""

    @functools.wraps(function)
    def on_rank_zero(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs) if rank() == 0 else None

    return on_rank_zero  # type: ignore[return-value]
