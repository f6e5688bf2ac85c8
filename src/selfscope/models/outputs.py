"""What backbones give, and how a vector per image is made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from selfscope.errors import ConfigError, ModelError

POOLS = ("cls", "mean", "cls+mean")


class StageOutput(NamedTuple):
    """One output of a backbone; a `vector`, where there is one, stands for the image, else the mean of the `map`."""

    map: Tensor | None
    """`(B, D, h, w)`."""
    vector: Tensor | None = None
    """`(B, D)`: a class token, or an average that the backbone took itself."""
    token: Tensor | None = None
    """`(B, D)`: the class token, where there is one, whatever stands for the image."""

    @property
    def pooled(self) -> Tensor:
        """`(B, D)`."""
        if self.vector is not None:
            return self.vector
        assert self.map is not None
        return self.map.mean((2, 3))

    def pooled_as(self, pool: str | None) -> Tensor:
        """`(B, D)`, or `(B, 2 D)` for `cls+mean`; None: what stands for the image."""
        if pool is None:
            return self.pooled
        if pool not in POOLS:
            raise ModelError(f"pool: expected one of {', '.join(POOLS)}, got {pool!r}")
        parts = [self.token if part == "cls" else self._mean() for part in pool.split("+")]
        if any(part is None for part in parts):
            lacking = "class token" if "cls" in pool and self.token is None else "map of patches"
            raise ModelError(f"pool={pool!r}: this output has no {lacking}; leave pool out to take what it has")
        return torch.cat([part for part in parts if part is not None], dim=1)

    def _mean(self) -> Tensor | None:
        return None if self.map is None else self.map.mean((2, 3))


def as_stage(value: Any) -> StageOutput:
    """What a backbone gave for one stage: ours, a map or vector, or OpenMMLab's pair of map and class token."""
    if isinstance(value, StageOutput):
        return value
    pair = list(value) if isinstance(value, (list, tuple)) else [value]
    if len(pair) == 1 and isinstance(pair[0], Tensor) and pair[0].ndim in (2, 3, 4):
        (found,) = pair
        if found.ndim == 4:
            return StageOutput(found)
        return StageOutput(None, found if found.ndim == 2 else found.mean(1))
    if len(pair) == 2 and all(isinstance(part, Tensor) for part in pair) and pair[1].ndim == 2:
        return StageOutput(pair[0], pair[1], pair[1])
    given = [tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in pair]
    raise ModelError(f"a backbone gives (B, D, h, w), (B, L, D), (B, D) or a map with a class token, got {given}")


class ExtractedFeatures(dict[str, Tensor]):
    """`{"feat_<index>" | "feat_neck" | "feat_pre_logits": (B, D)}`, with sentences on what was done differently."""

    def __init__(self, values: Iterable[tuple[str, Tensor]], notes: Sequence[str] = ()) -> None:
        super().__init__(values)
        self.notes = tuple(notes)


def resolve_indices(indices: Any, count: int) -> tuple[int, ...]:
    """`out_indices` as ascending positions below `count`; given as an int, negative ints from the end, or a list."""
    listed = list(indices) if isinstance(indices, (list, tuple)) else [indices]
    if not listed or any(isinstance(i, bool) or not isinstance(i, int) for i in listed):
        raise ConfigError(f"out_indices: expected an int or a list of ints, got {indices!r}")
    resolved = sorted({count + i if i < 0 else i for i in listed})
    if resolved[0] < 0 or resolved[-1] >= count:
        raise ConfigError(f"out_indices: expected 0..{count - 1} (or negative from the end), got {indices!r}")
    return tuple(resolved)
