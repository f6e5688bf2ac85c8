"""The same features sooner: batch norms folded into convolutions, memory laid out for them, products by oneDNN.

A batch norm in evaluation mode is a scale and a shift for each channel; a convolution can do both itself. Which norm
follows which convolution is seen in a forward pass rather than read off names, so it works for any module.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

TOLERANCE = 1e-3
"""Largest difference of any feature that is borne, as a share of the largest feature."""
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
CONVOLUTIONAL = 0.3
"""Share of the parameters in convolutions from which on memory is laid out for them."""
Run = Callable[[nn.Module], dict[str, Tensor]]


def quickened(module: nn.Module, run: Run) -> tuple[nn.Module, dict[str, Any]]:
    """A copy that gives the features of `run(module)` within `TOLERANCE`, and what was done; else the module itself.

    `run` takes a module through one batch. The module that is given stays as it is.
    """
    passes: list[dict[str, Tensor]] = []

    def watched(part: nn.Module) -> dict[str, Tensor]:
        passes.append(run(part))
        return passes[-1]

    wanted = wanted_changes(module)
    if not any(wanted.values()):
        return module, {}
    quick = changed(module, watched, wanted)
    if quick is None:
        return module, {"folded": 0, "reason": "the module cannot be copied"}
    done: dict[str, Any] = {**wanted, "folded": _norms(module) - _norms(quick)}
    if not any(done.values()):
        return module, {}
    difference = largest_difference(passes[0], run(quick))  # the pass that found the norms was of a plain copy
    if difference <= TOLERANCE:
        return quick, {**done, "difference": difference}
    return module, {"folded": 0, "reason": f"features would change by {difference:.2g}"}


def wanted_changes(module: nn.Module) -> dict[str, bool]:
    """Which changes may pay for this module on this machine: the same for the same machine."""
    on_cpu = all(parameter.device.type == "cpu" for parameter in module.parameters())
    return {
        "folded": _norms(module) > 0,
        "channels_last": is_convolutional(module),
        "onednn_linear": on_cpu and onednn_pays() and any(map(_plain_product, module.modules())),
    }


def changed(module: nn.Module, run: Run, wanted: Mapping[str, Any]) -> nn.Module | None:
    """A copy with these changes and without a check, after one pass of it as it was; None if it cannot be copied."""
    try:
        quick = copy.deepcopy(module)
    except (TypeError, RuntimeError, ValueError, AttributeError):  # whatever a module holds that refuses it
        return None
    pairs = followers(quick, run)
    if wanted.get("folded"):
        fold_batch_norms(quick, pairs)
    if wanted.get("channels_last"):
        quick.to(memory_format=torch.channels_last)
    if wanted.get("onednn_linear"):
        for part in quick.modules():
            if _plain_product(part):
                part.__class__ = OneDNNLinear
    return quick


class OneDNNLinear(nn.Linear):
    """The same product by oneDNN instead of MKL, which on AMD's processors does not take its fast paths."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")


@lru_cache(maxsize=1)
def onednn_pays() -> bool:
    """Whether this is an AMD processor with a torch that has oneDNN's product."""
    try:
        torch.ops.mkldnn._linear_pointwise  # noqa: B018 - asks whether the operator is there
        vendor = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except (AttributeError, RuntimeError, OSError):
        return False
    return torch.backends.mkldnn.is_available() and "AuthenticAMD" in vendor


def fold_batch_norms(module: nn.Module, pairs: Sequence[tuple[Any, Any]]) -> None:
    """Folds, in place, each norm into the convolution whose output it takes."""
    places = {id(part): name for name, part in module.named_modules()}
    for convolution, norm in pairs:
        weight, bias = fuse_conv_bn_weights(
            convolution.weight,
            convolution.bias,
            norm.running_mean,
            norm.running_var,
            norm.eps,
            norm.weight,
            norm.bias,
        )
        convolution.weight, convolution.bias = weight, bias
        parent, _, name = places[id(norm)].rpartition(".")
        setattr(module.get_submodule(parent), name, _rest_of(norm))


def followers(module: nn.Module, run: Run) -> list[tuple[Any, Any]]:
    """Convolutions with the batch norm that took their very output, both used once, neither for anything else."""
    made: dict[int, nn.Module] = {}
    kept: list[Tensor] = []  # so that no other tensor gets the address of one that is gone
    uses: dict[int, int] = {}
    pairs: list[tuple[Any, Any]] = []

    def convolved(part: nn.Module, given: Any, output: Tensor) -> None:
        uses[id(part)] = uses.get(id(part), 0) + 1
        made[id(output)] = part
        kept.append(output)

    def normed(part: nn.Module, given: Any) -> None:
        uses[id(part)] = uses.get(id(part), 0) + 1
        before = made.pop(id(given[0]), None)
        if before is not None and _foldable(part):
            pairs.append((before, part))

    hooks = [part.register_forward_hook(convolved) for part in module.modules() if isinstance(part, CONVOLUTIONS)]
    hooks += [part.register_forward_pre_hook(normed) for part in module.modules() if isinstance(part, NORMS)]
    try:
        run(module)
    finally:
        for hook in hooks:
            hook.remove()
    return [(a, b) for a, b in pairs if uses[id(a)] == uses[id(b)] == 1]


def _norms(module: nn.Module) -> int:
    return sum(isinstance(part, NORMS) for part in module.modules())


def _plain_product(part: nn.Module) -> bool:
    """Of float32, which is what oneDNN's product takes; classes that derive from `Linear` may do anything."""
    return type(part) is nn.Linear and part.weight.dtype == torch.float32


def _foldable(norm: Any) -> bool:
    return norm.running_mean is not None and not norm.training


def _rest_of(norm: nn.Module) -> nn.Module:
    """What a norm does besides: timm's own hold a dropout and an activation."""
    if type(norm) in NORMS:
        return nn.Identity()
    parts = [getattr(norm, name) for name in ("drop", "act") if isinstance(getattr(norm, name, None), nn.Module)]
    return nn.Sequential(*parts)


def is_convolutional(module: nn.Module) -> bool:
    """Whether enough of the module is convolution for a memory layout by pixels to pay."""
    convolutions = sum(p.numel() for p in module.parameters() if p.ndim == 4)
    return convolutions > CONVOLUTIONAL * sum(p.numel() for p in module.parameters())


def largest_difference(wanted: dict[str, Tensor], given: dict[str, Tensor]) -> float:
    """As a share of the largest value of each; infinite where the features are not of the same kind."""
    if wanted.keys() != given.keys() or any(wanted[k].shape != given[k].shape for k in wanted):
        return float("inf")
    shares = [
        float((wanted[k].float() - given[k].float()).abs().max() / wanted[k].float().abs().max().clamp(min=1e-12))
        for k in wanted
    ]
    return max(shares, default=0.0)
