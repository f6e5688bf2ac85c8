"""Where and in what precision a training runs: Lightning Fabric, set up from the config and the flags."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from selfscope.errors import MissingExtraError, UsageError, nearest
from selfscope.training.settings import Stepping
from selfscope.views.device import pick_device

if TYPE_CHECKING:
    from lightning_fabric import Fabric

log = logging.getLogger("selfscope.training")
PRECISIONS = ("32-true", "16-mixed", "bf16-mixed")
HALVES = {"float16": "16-mixed", "bfloat16": "bf16-mixed"}


def processes() -> tuple[int, int]:
    """`(in all, on this machine)`, as torchrun says; 1 and 1 without it."""
    everywhere = int(os.environ.get("WORLD_SIZE") or 1)
    return everywhere, int(os.environ.get("LOCAL_WORLD_SIZE") or everywhere)


def open_fabric(
    config: Mapping[str, Any], stepping: Stepping, *, device: str | None = None, precision: str | None = None
) -> Fabric:
    """One device, or one a process under torchrun; joins the processes.

    `precision` overrides the config's. Mixed precision is float16 unless the config's `dtype` says which; on a CPU it
    is left out, which is said, unless `dtype` or `precision` ask for it.
    """
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.plugins.precision import MixedPrecision
        from lightning_fabric.strategies import DDPStrategy
    except ModuleNotFoundError as error:
        if error.name != "lightning_fabric":
            raise
        raise MissingExtraError("lightning-fabric", "train", "selfscope train") from error
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    place = pick_device(device)
    everywhere, here = processes()
    options: dict[str, Any] = {"accelerator": place.type, "num_nodes": max(1, everywhere // here)}
    alone = [place.index or 0] if place.type == "cuda" else 1
    options["devices"] = alone if everywhere == 1 else here
    if everywhere > 1:
        unused = bool(config.get("find_unused_parameters", False))
        options["strategy"] = DDPStrategy(find_unused_parameters=unused)
    named = _precision(stepping, place.type, precision)
    if named == "16-mixed" and stepping.loss_scale != "dynamic":
        scaler = torch.amp.GradScaler(place.type, **_scaling(stepping.loss_scale))
        options["plugins"] = [MixedPrecision("16-mixed", place.type, scaler)]
    else:
        options["precision"] = named
    fabric = Fabric(**options)
    fabric.launch()
    return fabric


def with_synced_norms(model: nn.Module, config: Any, fabric: Fabric) -> nn.Module:
    """Batch norms over all processes, where the config says SyncBN and the devices can."""
    if fabric.world_size == 1 or "SyncBN" not in repr(config):
        return model
    if fabric.device.type != "cuda":
        log.warning("SyncBN needs GPUs: each process keeps its own batch statistics")
        return model
    return nn.SyncBatchNorm.convert_sync_batchnorm(model)


def _precision(stepping: Stepping, kind: str, asked: str | None) -> str:
    if asked is not None:
        if asked not in PRECISIONS:
            raise UsageError(f"precision: expected {', '.join(PRECISIONS)}, got {asked!r}.{nearest(asked, PRECISIONS)}")
        return asked
    if not stepping.mixed:
        return "32-true"
    if stepping.dtype is not None and stepping.dtype not in HALVES:
        raise UsageError(f"AmpOptimWrapper: dtype is one of {', '.join(HALVES)} here, got {stepping.dtype!r}")
    if kind == "cpu" and stepping.dtype is None:
        log = logging.getLogger("selfscope.training")
        log.info("mixed precision is slower than full on most CPUs: float32 here; --precision bf16-mixed asks for it")
        return "32-true"
    return HALVES[stepping.dtype or "float16"]


def _scaling(loss_scale: Any) -> dict[str, Any]:
    """A number is where the scale begins; a dict holds GradScaler's own settings."""
    return dict(loss_scale) if isinstance(loss_scale, Mapping) else {"init_scale": float(loss_scale)}
