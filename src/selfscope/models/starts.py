"""How weights start when no checkpoint has filled them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

DRAWS = frozenset(
    {
        *("uniform_", "normal_", "trunc_normal_", "erfinv_"),
        *("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"),
    }
)


class BlankStart(TorchFunctionMode):
    """Inside, random draws put NaN instead: a tenth of the time for weights that a checkpoint is about to fill.

    A weight that no checkpoint fills then spoils whatever is computed from it, and cannot pass for a trained one.
    """

    def __torch_function__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        options = dict(kwargs or {})
        weight = args[0] if args else options.get("tensor")
        if getattr(func, "__name__", "") in DRAWS and isinstance(weight, torch.Tensor):
            with torch.no_grad():
                return weight.fill_(torch.nan)
        return func(*args, **options)
