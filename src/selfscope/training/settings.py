"""What a config says about training, checked and made plain before anything is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from selfscope.errors import ConfigError, nearest
from selfscope.training.unread import unread

EPOCH_LOOP, ITER_LOOP = "EpochBasedTrainLoop", "IterBasedTrainLoop"
NOT_VALIDATED = ("val_begin", "val_interval", "dynamic_intervals")


@dataclass(frozen=True, kw_only=True)
class Length:
    """How long to train: `max_epochs`, or `max_iters`; exactly one is given."""

    max_epochs: int | None = None
    max_iters: int | None = None

    def iterations(self, epoch_length: int) -> int:
        return self.max_iters if self.max_iters is not None else (self.max_epochs or 0) * epoch_length

    def epochs(self, epoch_length: int) -> int:
        """Epochs that begin at all."""
        return self.max_epochs if self.max_epochs is not None else -(-(self.max_iters or 0) // epoch_length)


@dataclass(frozen=True, kw_only=True)
class Stepping:
    """`optim_wrapper` without the optimizer: mixed precision, accumulation, clipping."""

    mixed: bool = False
    dtype: str | None = None
    loss_scale: Any = "dynamic"
    accumulative_counts: int = 1
    """Iterations whose gradients make one step; what is left at the end of an epoch makes one too."""
    clip_norm: float | None = None
    norm_type: float = 2.0
    clip_value: float | None = None


@dataclass(frozen=True, kw_only=True)
class Keeping:
    """`default_hooks.checkpoint`: when checkpoints are written, and how many stay. An interval of -1 is never."""

    interval: int = -1
    by_epoch: bool = True
    max_keep_ckpts: int = -1
    """-1: all."""
    save_last: bool = True
    save_optimizer: bool = True
    save_param_scheduler: bool = True

    def due(self, done: int, last: bool) -> bool:
        """After epoch, or iteration, number `done`."""
        return (self.interval > 0 and done % self.interval == 0) or (last and self.save_last)


@dataclass(frozen=True)
class TrainSettings:
    """Everything but the parts themselves; `said` are sentences on what was read differently or is not done here."""

    length: Length
    stepping: Stepping
    keeping: Keeping
    optimizer: Mapping[str, Any]
    paramwise: Mapping[str, Any] | None
    schedules: Any
    base_batch_size: int | None
    """Of `auto_scale_lr`: the batch that the config's rate was meant for; None when the rate stays."""
    seed: int | None
    said: tuple[str, ...] = field(default=())


def read_settings(config: Mapping[str, Any], *, scale_lr: bool = False) -> TrainSettings:
    """From `train_cfg`, `optim_wrapper`, `param_scheduler`, `default_hooks.checkpoint`, `auto_scale_lr`, `randomness`.

    `scale_lr` turns `auto_scale_lr` on whatever its `enable` says. What is missing, misspelt or not done here is named.
    """
    said: list[str] = []
    wrapper = config.get("optim_wrapper")
    if not isinstance(wrapper, Mapping) or not isinstance(wrapper.get("optimizer"), Mapping):
        file, line = _place(config, "optim_wrapper")
        raise ConfigError("training needs optim_wrapper=dict(optimizer=dict(type=…, lr=…))", file=file, line=line)
    return TrainSettings(
        length=_length(config, said),
        stepping=_stepping(wrapper),
        keeping=_keeping((config.get("default_hooks") or {}).get("checkpoint"), said),
        optimizer=wrapper["optimizer"],
        paramwise=wrapper.get("paramwise_cfg"),
        schedules=config.get("param_scheduler"),
        base_batch_size=_base_batch(config, scale_lr, said),
        seed=(config.get("randomness") or {}).get("seed"),
        said=(*said, *unread(config)),
    )


def _length(config: Mapping[str, Any], said: list[str]) -> Length:
    given = config.get("train_cfg")
    file, line = _place(config, "train_cfg")
    if not isinstance(given, Mapping):
        raise ConfigError("training needs train_cfg=dict(max_epochs=…) or dict(max_iters=…)", file=file, line=line)
    loop = str(given.get("type", "")).rpartition(".")[2]
    by_epoch = given.get("by_epoch", "max_iters" not in given) if not loop else loop == EPOCH_LOOP
    if loop not in ("", EPOCH_LOOP, ITER_LOOP):
        hint = nearest(loop, (EPOCH_LOOP, ITER_LOOP)) or f" {EPOCH_LOOP} and {ITER_LOOP} are."
        raise ConfigError(f"train_cfg: the loop {loop!r} is not known here.{hint}", file=file, line=line)
    wanted = "max_epochs" if by_epoch else "max_iters"
    unknown = [key for key in given if key not in ("type", "by_epoch", "_scope_", wanted, *NOT_VALIDATED)]
    if unknown:
        hint = nearest(unknown[0], (wanted,)) or f" It takes {wanted}."
        raise ConfigError(f"train_cfg takes no {unknown[0]!r}.{hint}", file=file, line=line)
    count = given.get(wanted)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise ConfigError(f"train_cfg: expected {wanted} of at least 1, got {count!r}", file=file, line=line)
    if config.get("val_dataloader") or config.get("val_cfg"):
        said.append("val_cfg and val_dataloader are not used: nothing is validated during training here")
    return Length(**{wanted: count})


def _stepping(wrapper: Mapping[str, Any]) -> Stepping:
    file, line = getattr(wrapper, "origin", (None, None))
    kind = str(wrapper.get("type", "OptimWrapper")).rpartition(".")[2]
    if kind not in ("OptimWrapper", "AmpOptimWrapper"):
        hint = nearest(kind, ("OptimWrapper", "AmpOptimWrapper"))
        raise ConfigError(f"optim_wrapper: the type {kind!r} is not known here.{hint}", file=file, line=line)
    only_mixed = ("dtype",) if kind == "AmpOptimWrapper" else ()
    known = ["type", "_scope_", "optimizer", "paramwise_cfg", "clip_grad", "accumulative_counts", "loss_scale"]
    known += only_mixed
    unknown = [key for key in wrapper if key not in known]
    if unknown:
        raise ConfigError(f"{kind} takes no {unknown[0]!r} here.{nearest(unknown[0], known)}", file=file, line=line)
    counts = wrapper.get("accumulative_counts", 1)
    if isinstance(counts, bool) or not isinstance(counts, int) or counts < 1:
        raise ConfigError(f"accumulative_counts: expected at least 1, got {counts!r}", file=file, line=line)
    clip = dict(wrapper.get("clip_grad") or {})
    by_value = clip.pop("type", "norm") == "value"
    limit = clip.pop("clip_value" if by_value else "max_norm", None)
    norm_type = clip.pop("norm_type", 2.0)
    clip.pop("error_if_nonfinite", None)
    if clip or (wrapper.get("clip_grad") and limit is None):
        named = next(iter(clip), "no max_norm")
        raise ConfigError(f"clip_grad takes max_norm and norm_type, got {named}", file=file, line=line)
    return Stepping(
        mixed=kind == "AmpOptimWrapper",
        dtype=wrapper.get("dtype"),
        loss_scale=wrapper.get("loss_scale", "dynamic"),
        accumulative_counts=counts,
        clip_norm=None if by_value else limit,
        norm_type=float(norm_type),
        clip_value=limit if by_value else None,
    )


def _keeping(hook: Mapping[str, Any] | None, said: list[str]) -> Keeping:
    if not hook:
        return Keeping(interval=1)
    file, line = getattr(hook, "origin", (None, None))
    if str(hook.get("type", "CheckpointHook")).rpartition(".")[2] != "CheckpointHook":
        raise ConfigError("default_hooks.checkpoint: expected type CheckpointHook", file=file, line=line)
    known = [entry.name for entry in fields(Keeping)]
    elsewhere = ("out_dir", "save_best", "rule", "filename_tmpl", "published_keys", "save_begin", "backend_args")
    given = {key: value for key, value in hook.items() if key not in ("type", "_scope_", "priority")}
    said += [f"CheckpointHook: {key}={value!r} is not done here" for key, value in given.items() if key in elsewhere]
    given = {key: -1 if value is None else value for key, value in given.items() if key not in elsewhere}
    unknown = [key for key in given if key not in known]
    if unknown:
        hint = nearest(unknown[0], known) or f" It takes {', '.join(known)}."
        raise ConfigError(f"CheckpointHook takes no {unknown[0]!r}.{hint}", file=file, line=line)
    return Keeping(**given)


def _base_batch(config: Mapping[str, Any], scale_lr: bool, said: list[str]) -> int | None:
    given = config.get("auto_scale_lr") or {}
    base = given.get("base_batch_size")
    if scale_lr and not base:
        raise ConfigError("--auto-scale-lr needs auto_scale_lr=dict(base_batch_size=…)", file=_place(config, "")[0])
    if base and not (scale_lr or given.get("enable")):
        said.append(f"auto_scale_lr is off: the rate is the config's, meant for batches of {base} in all")
        return None
    return base


def _place(config: Mapping[str, Any], key: str) -> tuple[str | None, int | None]:
    origin_of = getattr(config, "origin_of", None)
    return origin_of(key) if origin_of and key in config else getattr(config, "origin", (None, None))
