"""Models from the `model = dict(type=…)` of a config."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import torch
from torch import nn

from selfscope.config.registry import MODELS
from selfscope.errors import ConfigError, ModelError, nearest
from selfscope.models.classifier import SELF_SUPERVISED, build_encoder
from selfscope.models.encoding import Encoder
from selfscope.models.parts import accepted_arguments, build_part, with_changes
from selfscope.models.starts import BlankStart


def build_model(
    model_config: Mapping[str, Any],
    *,
    image_size: int | tuple[int, int] | None = None,
    data_preprocessor: Mapping[str, Any] | None = None,
    scope: str | None = None,
    seed: int | None = None,
    blank: bool = False,
    trust: bool = False,
) -> Encoder:
    """The model of a config, at its published random start, in evaluation mode.

    `image_size` is the side of the pipeline's crop and overrides the config's `img_size`. `data_preprocessor` and
    `scope` (the config's `default_scope`) fill in what the model's dict leaves out. With a `seed` the start is that
    seed's, and torch's own generator is left as it was. `blank` saves the time of a random start where a checkpoint
    follows: what is not filled then is NaN. An algorithm that is not known here, on a backbone that is,
    gives an encoder with a note. `model.trained` stays False until a checkpoint is fitted.
    """
    file, line = getattr(model_config, "origin", (None, None))
    if not isinstance(model_config, Mapping) or "type" not in model_config:
        raise ConfigError(f"expected model=dict(type=…), got {model_config!r:.80}", file=file, line=line)
    config = model_config
    if data_preprocessor is not None and not config.get("data_preprocessor"):
        config = with_changes(config, {"data_preprocessor": data_preprocessor})
    scope = config.get("_scope_") or scope
    with ExitStack() as stack:
        if seed is not None:
            stack.enter_context(torch.random.fork_rng())
            torch.manual_seed(seed)
        if blank:
            stack.enter_context(BlankStart())
        model = _build(config, image_size, scope, trust).eval()
    model.notes += tuple(named_weights(config))
    return model


def named_weights(config: Mapping[str, Any]) -> list[str]:
    """A note for weights that a config names where OpenMMLab would fetch them: here only `checkpoint` is read."""
    backbone = config.get("backbone") or {}
    starts = [config.get("init_cfg"), backbone.get("init_cfg")]
    named = [start.get("checkpoint") for start in starts if isinstance(start, Mapping) and start.get("checkpoint")]
    named += [config["pretrained"]] if config.get("pretrained") else []
    return [f"the config names the weights {name!r}, which were not loaded: give them as checkpoint" for name in named]


def _build(
    config: Mapping[str, Any], image_size: int | tuple[int, int] | None, scope: str | None, trust: bool
) -> Encoder:
    file, line = getattr(config, "origin", (None, None))
    kind = str(config["type"])
    if kind not in MODELS and not (trust and "." in kind.partition(".")[2]):
        backbone = config.get("backbone")
        if isinstance(backbone, Mapping) and "type" in backbone:
            return build_encoder(config, image_size=image_size, scope=scope, trust=trust)
        hint = nearest(kind, [*MODELS.names(), *SELF_SUPERVISED])
        raise ConfigError(f"unknown model {kind!r}, and no backbone to look into.{hint}", file=file, line=line)
    accepted = accepted_arguments(MODELS.get(config["type"], trust=trust, where=(file, line)))
    given = {"image_size": image_size, "scope": scope, "trust": trust or None}
    changes = {k: v for k, v in given.items() if v is not None and (accepted is None or k in accepted)}
    model = build_part(with_changes(config, changes), trust=trust)
    if not isinstance(model, nn.Module):
        raise ModelError(f"{kind} built {type(model).__name__}, not a torch.nn.Module")
    if not isinstance(model, Encoder):
        raise ModelError(
            f"{kind} is no encoder: name a backbone in dict(type='ImageClassifier', backbone=…), subclass "
            f"selfscope.models.encoding.Encoder, or hand a module of your own to wrap_module"
        )
    return model
