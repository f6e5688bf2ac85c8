"""Checkpoints in OpenMMLab's layout: `{"meta", "state_dict", "optimizer", "param_schedulers", …}` of plain values.

Weights carry OpenMMLab's names. A file is whole or absent: it is written beside its place, then renamed.
"""

from __future__ import annotations

import copy
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from selfscope import __version__
from selfscope.errors import CheckpointError, RunError
from selfscope.models.checkpoint import Checkpoint
from selfscope.models.encoding import Encoder
from selfscope.models.fit import fit
from selfscope.models.openmmlab_names import openmmlab_state
from selfscope.models.pickles import unpickle
from selfscope.training.settings import Keeping
from selfscope.training.state import TrainState

LAST = "last_checkpoint"
"""The file in a work dir that names the newest checkpoint."""
INTERRUPTED = "interrupted.pth"
WRITTEN = re.compile(r"^(epoch|iter)_(\d+)\.pth$")
MAKER = "selfscope_version"


def checkpoint_of(state: TrainState, keeping: Keeping) -> dict[str, Any]:
    """Everything that the run needs to go on from here as if nothing had been."""
    source = getattr(state.cfg, "source", None)
    content: dict[str, Any] = {
        "meta": {
            MAKER: __version__,
            "time": time.strftime("%Y%m%d_%H%M%S", time.localtime()),
            "epoch": state.epoch,
            "iter": state.iter,
            "inner_iter": state.inner_iter,
            "seed": state.seed,
            "world_size": state.world_size,
            "batch_size": state.train_dataloader.batch_size,
            "epoch_length": state.epoch_length,
            "run": None if state.run_dir is None else state.run_dir.name,
            "cfg": source() if source else "",
            "dataset_meta": {"classes": list(state.train_dataloader.dataset.classes or ())},
        },
        "state_dict": openmmlab_state(state.model),
        "precision": state.fabric.strategy.precision.state_dict(),
    }
    if keeping.save_optimizer:
        content["optimizer"] = state.optimizer.state_dict()
    if keeping.save_param_scheduler:
        content["param_schedulers"] = state.schedulers.state_dict()
    return content


def write_checkpoint(work_dir: Path, name: str, content: Mapping[str, Any]) -> Path:
    """The file, and then `last_checkpoint`, which names it."""
    path = work_dir / name
    temporary = path.with_name(f".{name}.{os.getpid()}.tmp")
    try:
        work_dir.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(dict(content), file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        pointer = work_dir / f".{LAST}.{os.getpid()}.tmp"
        pointer.write_text(str(path.resolve()), encoding="utf-8")
        pointer.replace(work_dir / LAST)
    except (OSError, RuntimeError) as error:  # torch wraps a full disk in a RuntimeError
        temporary.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
        raise RunError(f"{path}: the checkpoint cannot be written: {reason}") from error
    return path


def remove_old(work_dir: Path, keeping: Keeping) -> list[Path]:
    """Deletes all but the newest `max_keep_ckpts` of this run's kind; what is at hand under other names stays."""
    if keeping.max_keep_ckpts < 1:
        return []
    kind = "epoch" if keeping.by_epoch else "iter"
    found = [(int(m[2]), path) for path in work_dir.iterdir() if (m := WRITTEN.match(path.name)) and m[1] == kind]
    old = [path for _, path in sorted(found)[: -keeping.max_keep_ckpts]]
    for path in old:
        path.unlink(missing_ok=True)
    return old


def remove_interrupted(work_dir: Path, later: Mapping[str, Any]) -> bool:
    """Deletes what the same run left when it was stopped, once it is further; `later` is the meta of where it is."""
    path = work_dir / INTERRUPTED
    meta = _meta_of(path)
    if meta is None or meta.get("run") != later["run"] or meta["iter"] > later["iter"]:
        return False
    path.unlink(missing_ok=True)
    return True


def find_checkpoint(work_dir: Path, resume: str | Path | None) -> Path | None:
    """The checkpoint to go on from: a path as it is; `auto` is the last of the work dir, None where there is none.

    The last is the one that `last_checkpoint` names, or one of its run that was saved since and is further.
    """
    if resume is None:
        return None
    if str(resume) != "auto":
        path = Path(resume).expanduser()
        if not path.is_file():
            raise CheckpointError(f"{path}: no such checkpoint to resume from; --resume alone takes the last one")
        return path
    try:
        named = Path((work_dir / LAST).read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return None
    beside = work_dir / named.name  # the folder may have been moved since
    if not (beside.is_file() or named.is_file()):
        raise CheckpointError(f"{work_dir / LAST} names {named}, which is not there: give --resume the path of another")
    return _furthest(work_dir, beside if beside.is_file() else named)


def _furthest(work_dir: Path, named: Path) -> Path:
    """`named`, or what the same run saved since, after more iterations: it may be killed before it can name it.

    What it had saved before stays behind: someone may have gone back to an earlier one, to go on in another way.
    """
    meta = _meta_of(named)
    if meta is None:
        return named
    iterations = {named: int(meta["iter"])}
    for path in sorted(work_dir.glob("*.pth")):
        found = _meta_of(path) or {}
        if found.get("run", "") == meta.get("run") and found["time"] >= meta["time"]:
            iterations[path] = int(found["iter"])
    return max(iterations, key=lambda path: iterations[path])


def _meta_of(path: Path) -> Mapping[str, Any] | None:
    """The `meta` of a checkpoint of selfscope's, without reading its weights; None of any other file, or of none."""
    try:
        content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except (OSError, EOFError, RuntimeError, UnpicklingError):
        return None
    meta = content.get("meta") if isinstance(content, Mapping) else None
    return meta if isinstance(meta, Mapping) and MAKER in meta and "iter" in meta else None


def read_training(path: Path) -> dict[str, Any]:
    """A checkpoint that training can go on from, loaded without trust."""
    content = unpickle(path)
    meta = content.get("meta") if isinstance(content, Mapping) else None
    if not isinstance(meta, Mapping) or MAKER not in meta:
        raise CheckpointError(
            f"{path}: holds no state of a run of selfscope; to begin with its weights: --cfg-options load_from={path}"
        )
    missing = [name for name in ("state_dict", "optimizer", "param_schedulers") if name not in content]
    if missing:
        raise CheckpointError(f"{path}: was saved without {', '.join(missing)}, so it cannot be resumed from")
    return dict(content)


def restore(state: TrainState, content: Mapping[str, Any], path: Path) -> None:
    """Puts weights, optimizer, schedules and counts back; a checkpoint of another set-up is refused by what differs."""
    meta = content["meta"]
    _check_same(state, meta, path)
    assert isinstance(state.model, Encoder)
    fit(state.model, Checkpoint(dict(content["state_dict"]), source=str(path)), needed="all")
    saved, own = content["optimizer"], state.optimizer.state_dict()
    names = [[group.get("names") for group in side["param_groups"]] for side in (saved, own)]
    if names[0] != names[1]:
        raise CheckpointError(f"{path}: its optimizer groups other parameters: the config's paramwise_cfg has changed")
    state.optimizer.load_state_dict(_with_own_form(copy.deepcopy(dict(saved)), own))
    state.schedulers.load_state_dict(content["param_schedulers"])
    state.fabric.strategy.precision.load_state_dict(content.get("precision") or {})
    state.iter, state.epoch = int(meta["iter"]), int(meta["epoch"])
    state.logger.info("resumed from %s: epoch %d, iteration %d", path, state.epoch, state.iter)
    if state.iter >= state.max_iters:
        state.logger.info("nothing is left to train: a larger max_epochs or max_iters in train_cfg goes on")


def _with_own_form(saved: dict[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """How an optimizer computes is a matter of the device that it runs on now, not of the one that saved it."""
    for group, here in zip(saved["param_groups"], own["param_groups"], strict=True):
        group.update({name: here[name] for name in ("fused", "foreach") if name in here})
    return saved


def _check_same(state: TrainState, meta: Mapping[str, Any], path: Path) -> None:
    """At the end of an epoch the batches may be cut another way; within one they may not."""
    here = {
        "seed": state.seed,
        "epoch_length": state.epoch_length,
        "batch_size": state.train_dataloader.batch_size,
        "world_size": state.world_size,
    }
    differs = [f"{name} {meta.get(name)}, now {value}" for name, value in here.items() if meta.get(name) != value]
    if differs and (meta.get("inner_iter") or meta.get("epoch_length") != state.epoch_length):
        raise CheckpointError(f"{path}: was saved with {'; '.join(differs)}: resume with the same settings")
    if differs:
        state.logger.warning("%s: was saved with %s: the losses will not be the same", path, "; ".join(differs))
