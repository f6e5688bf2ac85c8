"""The optimizer of a config's `optim_wrapper`: which parameters go into which group, at what rate and decay.

Parameters are named as OpenMMLab names them (`backbone.layers.0.ln1.weight`), so that a config's `custom_keys` mean
what they meant there.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.instancenorm import _InstanceNorm
from torch.optim import Optimizer

from selfscope.errors import ConfigError, nearest
from selfscope.models.openmmlab_names import openmmlab_names
from selfscope.training.lars import LARS

NORMS = (_BatchNorm, _InstanceNorm, nn.GroupNorm, nn.LayerNorm)
OPTIMIZERS: dict[str, type[Optimizer]] = {
    **{name: getattr(torch.optim, name) for name in ("SGD", "Adam", "AdamW", "NAdam", "RAdam", "RMSprop", "Adagrad")},
    "LARS": LARS,
}


@dataclass(frozen=True, kw_only=True)
class Paramwise:
    """`paramwise_cfg`: multipliers of rate and decay. The longest of `custom_keys` in a name wins over all others."""

    custom_keys: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """By a piece of a name: `lr_mult`, `decay_mult`, and anything that a group should carry (`fix_lr`,
    `lars_exclude`)."""
    bias_lr_mult: float | None = None
    bias_decay_mult: float | None = None
    norm_decay_mult: float | None = None
    dwconv_decay_mult: float | None = None
    flat_decay_mult: float | None = None
    """Of every other parameter with one axis."""
    bypass_duplicate: bool = False
    """Accepted: a parameter that stands in two places is trained once in any case."""

    def __post_init__(self) -> None:
        for key, options in self.custom_keys.items():
            if not isinstance(options, Mapping):
                raise ConfigError(
                    f"custom_keys[{key!r}]: expected a dict such as dict(decay_mult=0.0), got {options!r}"
                )

    def options(self, name: str, parameter: nn.Parameter, owner: nn.Module) -> dict[str, Any]:
        """`lr_mult` and `decay_mult` where they are not 1, and a custom key's other entries."""
        key = next((k for k in sorted(sorted(self.custom_keys), key=len, reverse=True) if k in name), None)
        if key is not None:
            return {k: v for k, v in self.custom_keys[key].items() if not (k.endswith("_mult") and v == 1)}
        is_norm, is_bias = isinstance(owner, NORMS), name.endswith(".bias")
        depthwise = isinstance(owner, nn.Conv2d) and owner.in_channels == owner.groups
        rules = (
            (is_norm, self.norm_decay_mult),
            (is_bias, self.bias_decay_mult),
            (depthwise, self.dwconv_decay_mult),
            (parameter.ndim == 1, self.flat_decay_mult),
        )
        decay = next((mult for applies, mult in rules if applies and mult is not None), 1)
        rate = 1 if self.bias_lr_mult is None or is_norm or not is_bias else self.bias_lr_mult
        return {k: v for k, v in {"lr_mult": rate, "decay_mult": decay}.items() if v != 1}


def build_optimizer(
    config: Mapping[str, Any], paramwise: Mapping[str, Any] | None, model: nn.Module, *, fused: bool = False
) -> Optimizer:
    """Of `optimizer=dict(type=…, lr=…)`; parameters that are treated alike share a group, `names` says which.

    Frozen parameters have no group. The config is left as it is. `fused` asks for the form that moves all weights in
    one pass, where the optimizer has one and the config does not say itself: a quarter of the time on a CPU.
    """
    file, line = getattr(config, "origin", (None, None))
    target = optimizer_class(config)
    settings = {k: v for k, v in config.items() if k not in ("type", "_scope_")}
    accepted = list(inspect.signature(target).parameters)[1:]
    unknown = [name for name in settings if name not in accepted]
    if unknown:
        hint = nearest(unknown[0], accepted)
        raise ConfigError(f"{target.__name__} takes no argument {unknown[0]!r}.{hint}", file=file, line=line)
    groups = parameter_groups(model, settings, _paramwise(paramwise or {}))
    if fused and "fused" in accepted and not {"fused", "foreach"} & set(settings):
        settings["fused"] = True
    if not groups:
        raise ConfigError("no parameter of the model can be trained: all are frozen", file=file, line=line)
    try:
        return target(groups, **settings)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{target.__name__} cannot be built: {error}", file=file, line=line) from error


def optimizer_class(config: Mapping[str, Any]) -> type[Optimizer]:
    """The class that `type` names: by its short name, or `torch.optim.<name>`."""
    file, line = getattr(config, "origin", (None, None))
    given = str(config.get("type", ""))
    name = given.removeprefix("torch.optim.") if given.startswith("torch.optim.") else given.rpartition(".")[2]
    found = OPTIMIZERS.get(name) or (getattr(torch.optim, name, None) if given.startswith("torch.optim.") else None)
    if not (inspect.isclass(found) and issubclass(found, Optimizer)):
        known = ", ".join(OPTIMIZERS)
        hint = nearest(name, OPTIMIZERS) or f" Known are {known} and torch.optim.<name>."
        raise ConfigError(f"unknown optimizer {given!r}.{hint}", file=file, line=line)
    return found


def parameter_groups(model: nn.Module, settings: Mapping[str, Any], paramwise: Paramwise) -> list[dict[str, Any]]:
    """Groups of `params` and `names`, in the model's order, with `lr` and `weight_decay` where they differ."""
    groups: dict[str, dict[str, Any]] = {}
    for name, parameter, owner in named_parameters(model):
        options = paramwise.options(name, parameter, owner)
        extra = _multiplied(options, settings)
        group = groups.setdefault(repr(sorted(extra.items())), {"params": [], "names": [], **extra})
        group["params"].append(parameter)
        group["names"].append(name)
    return list(groups.values())


def named_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter, nn.Module]]:
    """OpenMMLab's name of each parameter that learns, the parameter, and the module that holds it; each once."""
    theirs, seen = openmmlab_names(model), set()
    for prefix, module in model.named_modules():
        for short, parameter in module.named_parameters(recurse=False):
            name = f"{prefix}.{short}" if prefix else short
            if parameter.requires_grad and parameter not in seen:
                seen.add(parameter)
                yield theirs.get(name, name), parameter, module


def _multiplied(options: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    extra = {k: v for k, v in options.items() if k not in ("lr_mult", "decay_mult")}
    for option, name in (("lr_mult", "lr"), ("decay_mult", "weight_decay")):
        if option not in options:
            continue
        if name not in settings:
            raise ConfigError(f"paramwise_cfg has {option}, and the optimizer no {name} that it would multiply")
        extra[name] = settings[name] * options[option]
    return extra


def _paramwise(config: Mapping[str, Any]) -> Paramwise:
    file, line = getattr(config, "origin", (None, None))
    known = [entry.name for entry in fields(Paramwise)]
    unknown = [name for name in config if name not in known]
    if unknown:
        hint = nearest(unknown[0], known) or f" Known are {', '.join(known)}."
        raise ConfigError(f"paramwise_cfg takes no {unknown[0]!r}.{hint}", file=file, line=line)
    try:
        return Paramwise(**config)
    except ConfigError as error:
        raise ConfigError(str(error), file=file, line=line) from error
