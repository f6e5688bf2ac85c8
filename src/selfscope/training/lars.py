"""LARS (You et al. 2017, arXiv:1708.03888): SGD whose step for each weight follows that weight's own size."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch.optim import Optimizer


class LARS(Optimizer):
    """A weight w with gradient g moves by `lr * eta * ‖w‖ / (‖g‖ + weight_decay * ‖w‖ + eps)` times (g + decay * w).

    Momentum is taken of these steps. A group with `lars_exclude`, and a weight or gradient of size zero, steps by `lr`
    alone. `eps` is OpenMMLab's; the paper has none.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        dampening: float = 0.0,
        eta: float = 0.001,
        nesterov: bool = False,
        eps: float = 1e-8,
    ) -> None:
        for name, value in {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "eta": eta}.items():
            if value < 0:
                raise ValueError(f"{name}: expected at least 0, got {value}")
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("nesterov needs a momentum above 0, and no dampening")
        settings = {"momentum": momentum, "weight_decay": weight_decay, "dampening": dampening, "eta": eta}
        super().__init__(params, {"lr": lr, **settings, "nesterov": nesterov, "eps": eps, "lars_exclude": False})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._move(weight, group)
        return loss

    def _move(self, weight: torch.Tensor, group: dict[str, Any]) -> None:
        decay, momentum = group["weight_decay"], group["momentum"]
        step = weight.grad.add(weight, alpha=decay)  # type: ignore[union-attr]
        step.mul_(group["lr"] if group["lars_exclude"] else group["lr"] * self._share(weight, group))
        if momentum:
            state = self.state[weight]
            if "momentum_buffer" in state:
                state["momentum_buffer"].mul_(momentum).add_(step, alpha=1 - group["dampening"])
            else:
                state["momentum_buffer"] = step.clone()
            buffer = state["momentum_buffer"]
            step = step.add(buffer, alpha=momentum) if group["nesterov"] else buffer
        weight.sub_(step)

    def _share(self, weight: torch.Tensor, group: dict[str, Any]) -> torch.Tensor:
        """The layer's own rate, a scalar tensor: nothing waits for the device."""
        size, slope = weight.norm(), weight.grad.norm()  # type: ignore[union-attr]
        share = group["eta"] * size / (slope + group["weight_decay"] * size + group["eps"])
        return torch.where((size > 0) & (slope > 0), share, torch.ones_like(share))
