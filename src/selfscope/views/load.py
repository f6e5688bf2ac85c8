"""Names a model: a config with a checkpoint, a timm id, or a module, ready to look into."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from selfscope.config.reader import Config, load_config
from selfscope.config.top_level import check_names, lacking
from selfscope.errors import ModelError, UsageError
from selfscope.models.build import build_model
from selfscope.models.checkpoint import read_checkpoint
from selfscope.models.encoder import build_timm, wrap_module
from selfscope.models.encoding import Encoder
from selfscope.models.fit import FitReport, fit
from selfscope.views.device import pick_device
from selfscope.views.sizes import DEFAULT_SIZE, input_size

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False, repr=False)
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

    def __repr__(self) -> str:
        known = {None: "as it was given", True: f"weights: {self.checkpoint or 'its own'}", False: "untrained"}
        what = f"{self.name}: {self.module.method}, {self.image_size} px, {self.device}"
        return f"LoadedModel({what}, {known[self.trained]})"

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(chr(10).join(self.messages()))}</pre>"

    @property
    def values(self) -> Mapping[str, Any]:
        """The config's entries; empty for a model without one."""
        return {} if self.config is None else self.config

    def describe(self) -> dict[str, Any]:
        """Plain values that say which model this is, for a record's settings."""
        known = {"model": self.name, "checkpoint": self.checkpoint, "trained": self.trained, "notes": self.notes}
        return {**known, **self.settings}

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on what was read differently or left out, to be shown with every result."""
        return (*self.module.notes, *(self.report.notes if self.report is not None else ()))

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
    if isinstance(source, LoadedModel):
        _refuse_with("a loaded model", checkpoint=checkpoint, options=options, image_size=image_size)
        return source
    if isinstance(source, nn.Module):
        _refuse_with("a module", checkpoint=checkpoint, options=options)
        return _module(source, image_size, device)
    if str(source).startswith("timm:"):
        _refuse_with("a timm id", checkpoint=checkpoint, options=options)
        return _timm(str(source), image_size, pick_device(device))
    if isinstance(source, Config):
        _refuse_with("a config that is loaded already", options=options)
        config = source
    else:
        config = load_config(source, options, trust=trust)
    check_names(config)
    place, size = pick_device(device), image_size or input_size(config)
    module = _built(config, size, seed, blank=checkpoint is not None, trust=trust)
    shown = None if checkpoint is None else str(checkpoint)
    report = None
    if checkpoint is not None:
        report = fit(module, read_checkpoint(checkpoint, progress=progress), needed=needed)
        log.info("%s", report)
    name = Path(str(config.file or "config")).stem
    return LoadedModel(module.to(place).eval(), name, place, size, config, shown, report, report is not None)


def _built(config: Config, size: int, seed: int, *, blank: bool, trust: bool) -> Any:
    if "model" not in config:
        raise lacking(config, "model", "dict(type=…)", " to build")
    return build_model(
        config["model"],
        image_size=size,
        data_preprocessor=config.get("data_preprocessor"),
        scope=config.get("default_scope"),
        seed=seed,
        blank=blank,
        trust=trust,
    )


def _refuse_with(what: str, **given: Any) -> None:
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError(f"load: {', '.join(names)} cannot go with {what}: give a config file, or leave it out")


def _module(module: nn.Module, image_size: int | None, device: str | torch.device | None) -> LoadedModel:
    """A module as it is: on its own device unless another is named, and in the mode that it is in."""
    wrapped = module if isinstance(module, Encoder) else wrap_module(module, image_size=image_size)
    own = next((value.device for value in module.parameters()), torch.device("cpu"))
    place = own if device is None else pick_device(device)
    side = image_size or wrapped.image_size or DEFAULT_SIZE
    size = side if isinstance(side, int) else max(side)
    return LoadedModel(wrapped.to(place), type(module).__name__, place, size, trained=None)


def _timm(name: str, image_size: int | None, device: torch.device) -> LoadedModel:
    module = build_timm(name, image_size=image_size)
    size = image_size or module.image_size or DEFAULT_SIZE
    return LoadedModel(module.to(device).eval(), name, device, size, trained=True)


def require(model: LoadedModel, output: str) -> None:
    """Refuses to show `output` of a model whose checkpoint left some of the parameters that it uses at random."""
    missing = model.report.missing_for(output) if model.report is not None else ()
    if missing:
        named = ", ".join(list(missing)[:5]) + (", …" if len(missing) > 5 else "")
        raise ModelError(
            f"{model.checkpoint}: {len(missing)} parameters that {output} uses are not in the checkpoint ({named}); "
            f"give a checkpoint that holds them, or none to see an untrained model"
        )
