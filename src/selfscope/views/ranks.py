"""Several processes at one job, as torchrun starts them: who does what, and waiting for each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from selfscope.errors import UsageError

PATIENCE = timedelta(days=7)
"""Ranks end at different times, by hours where machines differ."""


@dataclass(frozen=True)
class Ranks:
    """This process among those of its job; alone, all of it is done here."""

    rank: int = 0
    world: int = 1

    def agree(self, value: Any) -> Any:
        """Rank 0's value, on every rank."""
        if self.world == 1:
            return value
        import torch.distributed as dist

        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def wait(self) -> None:
        """Until every rank is here."""
        if self.world > 1:
            import torch.distributed as dist

            dist.barrier()


def started() -> Ranks:
    """What torchrun says in RANK and WORLD_SIZE; nothing is joined."""
    try:
        return Ranks(int(os.environ.get("RANK") or 0), int(os.environ.get("WORLD_SIZE") or 1))
    except ValueError as error:
        raise UsageError(f"RANK and WORLD_SIZE: expected whole numbers, as torchrun sets them ({error})") from error


def joined() -> Ranks:
    """The same, with a gloo group set up between the processes: only words pass through it, features go by the disk."""
    ranks = started()
    if ranks.world > 1:
        import torch.distributed as dist

        if not dist.is_initialized():
            if "MASTER_ADDR" not in os.environ:
                raise UsageError("WORLD_SIZE is set and MASTER_ADDR is not: start the processes with torchrun")
            dist.init_process_group("gloo", timeout=PATIENCE)
    return ranks


def leave() -> None:
    """Ends what `joined` set up."""
    import torch.distributed as dist

    if dist.is_available() and dist.is_initialized():
        dist.destroy_process_group()
