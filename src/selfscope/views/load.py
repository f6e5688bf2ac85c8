"""Names a model: a config with a checkpoint, a timm id, or a module, ready to look into."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from selfscope.config.reader import Config, load_config
from selfscope.errors import ConfigError, ModelError, UsageError
from selfscope.models.build import build_model
from selfscope.models.checkpoint import read_checkpoint
from selfscope.models.fit import FitReport, fit
from selfscope.views.device import pick_device
from selfscope.views.sizes import input_size

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """A model on its device in evaluation mode, with where it came from and how its weights fitted."""

    module: Any
    name: str
    device: torch.device
    image_size: int
    """Side in pixels of the square that it looks at."""
    config: Config | None = None
    checkpoint: str | None = None
    report: FitReport | None = None
    """How the checkpoint fitted; None without one."""
    trained: bool | None = False
    """None for a module that was handed in: only its owner knows."""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> Mapping[str, Any]:
        """The config's entries; empty for a model without one."""
        return {} if self.config is None else self.config

    def describe(self) -> dict[str, Any]:
        """Plain values that say which model this is, for a record's settings."""
        return {"model": self.name, "checkpoint": self.checkpoint, "trained": self.trained, **self.settings}

    def messages(self) -> list[str]:
        """What a person should know before looking: how the weights fitted, or that there are none."""
        said = [f"{self.name} on {self.device}, {self.image_size} x {self.image_size} px", *self.module.notes]
        if self.report is not None:
            return [*said, *str(self.report).splitlines()]
        return (
            said
            if self.trained is not False
            else [*said, "no checkpoint: untrained, at its random start; pictures say so"]
        )


def load(
    source: str | Path | Config | nn.Module | LoadedModel,
    checkpoint: str | Path | None = None,
    *,
    options: Mapping[str, Any] | Sequence[str] | None = None,
    image_size: int | None = None,
    device: str | torch.device | None = None,
    needed: str = "backbone",
    seed: int = 0,
    trust: bool = False,
    progress: Callable[[int, int | None], None] | None = None,
) -> LoadedModel:
    """A model from a config file and a checkpoint (path or link), a `timm:` id, or an `nn.Module`.

    Without a checkpoint a config's model keeps its seeded random start and is called untrained wherever it is shown.
    `needed` says which parameters must all come from the checkpoint: those of the `backbone`, or `all`; the rest is
    counted and named in `report`. `image_size` overrides what the config's pipeline says. timm fetches weights only
    for the id that is named here. `trust` allows the config's own dotted types to be imported. A link is fetched once,
    with `progress(bytes so far, bytes in all or None)`.
    """
    place = pick_device(device)
    if isinstance(source, LoadedModel):
        return source
    if isinstance(source, nn.Module) or str(source).startswith("timm:"):
        if checkpoint is not None:
            raise UsageError("load: a checkpoint goes with a config; load the weights into the module first")
        return _ready_made(source, image_size, place)
    config = source if isinstance(source, Config) else load_config(source, options, trust=trust)
    name = str(config.file or "config")
    if "model" not in config:
        raise ConfigError("has no `model = dict(type=…)` to build", file=name)
    size = image_size or input_size(config)
    module = build_model(
        config["model"],
        image_size=size,
        data_preprocessor=config.get("data_preprocessor"),
        scope=config.get("default_scope"),
        seed=seed,
        blank=checkpoint is not None,
        trust=trust,
    )
    report, shown = None, None if checkpoint is None else str(checkpoint)
    if checkpoint is not None:
        report = fit(module, read_checkpoint(checkpoint, progress=progress), needed=needed)
        log.info("%s", report)
    module = module.to(place).eval()
    return LoadedModel(module, Path(name).stem, place, size, config, shown, report, report is not None)


def _ready_made(source: Any, image_size: int | None, device: torch.device) -> LoadedModel:
    from selfscope.models.encoder import build_timm, wrap_module

    trained: bool | None
    if isinstance(source, nn.Module):
        module, name, trained = wrap_module(source), type(source).__name__, None
    else:
        module, name, trained = build_timm(str(source)), str(source), True
    size = image_size or getattr(module, "image_size", None) or 224
    return LoadedModel(module.to(device).eval(), name, device, size, trained=trained)


def require(model: LoadedModel, output: str) -> None:
    """Refuses to show `output` of a model whose checkpoint left some of the parameters that it uses at random."""
    missing = model.report.missing_for(output) if model.report is not None else ()
    if missing:
        named = ", ".join(list(missing)[:5]) + (", …" if len(missing) > 5 else "")
        raise ModelError(
            f"{model.checkpoint}: {len(missing)} parameters that {output} uses are not in the checkpoint ({named}); "
            f"give a checkpoint that holds them, or none to see an untrained model"
        )
