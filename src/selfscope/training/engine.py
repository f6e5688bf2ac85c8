"""`train`: what a config describes, trained with its hooks, resumable at every step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from selfscope.config.reader import Config, load_config
from selfscope.errors import ConfigError, RunError, UsageError
from selfscope.models.build import build_model
from selfscope.models.checkpoint import read_checkpoint
from selfscope.models.fit import fit
from selfscope.models.parts import with_changes
from selfscope.training.checkpoints import find_checkpoint, read_training, restore
from selfscope.training.devices import open_fabric, with_synced_norms
from selfscope.training.feed import Feed, build_feed
from selfscope.training.hooks.build import build_hooks
from selfscope.training.learning import Learning
from selfscope.training.loop import Loop, Stop
from selfscope.training.optimizers import build_optimizer
from selfscope.training.schedules import Schedules, build_rules
from selfscope.training.settings import TrainSettings, read_settings
from selfscope.training.state import TrainState
from selfscope.views.sizes import input_size, pipeline_size

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from selfscope.visualization.visualizer import Visualizer

CLOSING_SECONDS = 10.0
"""At most, for trackers of a training that was stopped: torchrun and clusters kill what is left after 30."""
OpenVisualizer = Callable[[Path], "AbstractContextManager[Visualizer]"]
"""Makes what stores the run, given the run's folder; it is closed at the end."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """What the command line says beside the config."""

    resume: str | Path | None = None
    """A checkpoint to go on from, or `auto`: the last one in the work dir, from the start where there is none."""
    device: str | None = None
    precision: str | None = None
    """`32-true`, `16-mixed` or `bf16-mixed`; the config's by default."""
    seed: int | None = None
    """The config's `randomness.seed` by default, then that of the checkpoint, then 0."""
    scale_lr: bool = False
    """Scale the rate from `auto_scale_lr.base_batch_size` to the batch that is used."""
    trust: bool = False


@dataclass(frozen=True)
class TrainResult:
    """Where a training has got to."""

    run: Path
    """The run's folder."""
    checkpoint: Path | None
    """The newest; None when none was written."""
    iter: int
    epoch: int
    finished: bool
    """False when it was stopped; the checkpoint is where it will go on."""
    model: nn.Module


def train(
    config: Config | Mapping[str, Any] | str | Path,
    work_dir: str | Path,
    options: TrainOptions | None = None,
    *,
    hooks: Sequence[Any] = (),
    visualizer: Visualizer | OpenVisualizer | None = None,
    stop: Stop | None = None,
    progress: Callable[[TrainState, Tensor], None] | None = None,
) -> TrainResult:
    """Trains what the config describes; checkpoints go to `work_dir`, records to a run in a folder below it.

    The run is `work_dir/<timestamp>`; a training that is resumed goes on in its own. `hooks` are objects with methods
    of a Hook, called beside the config's. A `visualizer` of yours stores in place of local files and stays open; its
    run is the training's. Under torchrun every process calls this, and the first one writes. Needs the extra `train`
    (Lightning Fabric).
    """
    if not isinstance(hooks, (list, tuple)):
        raise UsageError(f"hooks: expected a list of objects with hook methods, got {type(hooks).__name__}: [hook]")
    options = options or TrainOptions()
    given = load_config(config, trust=options.trust) if isinstance(config, (str, Path)) else config
    folder, settings = Path(work_dir), read_settings(given, scale_lr=options.scale_lr)
    checkpoint = find_checkpoint(folder, _asked_resume(given, options.resume))
    content = None if checkpoint is None else read_training(checkpoint)
    fabric = open_fabric(given, settings.stepping, device=options.device, precision=options.precision)
    seed = _seed(settings, options, content)
    called = build_hooks(given, trust=options.trust)
    for hook in hooks:
        called.add(hook)
    state, learning, wrapped, optimizer = _assemble(given, settings, fabric, folder, seed, trust=options.trust)
    run_dir = _run_of(visualizer, folder, content) if fabric.global_rank == 0 else folder
    state.run_dir = Path(fabric.broadcast(str(run_dir)))
    with _opened(visualizer, state.run_dir) as state.visualizer:
        state.visualizer.note_seed(seed)
        _say_start(state, settings)
        if content is None or checkpoint is None:
            state.visualizer.add_config(given)
        else:
            restore(state, content, checkpoint)
            called.call("after_load_checkpoint", state, checkpoint=content)
        loop = Loop(state, learning, wrapped, optimizer, called, settings.stepping, settings.keeping)
        loop.stop, loop.progress = stop or loop.stop, progress or loop.progress
        finished = _run(loop, state)
        if not finished and state.visualizer is not visualizer:
            state.visualizer.close(CLOSING_SECONDS, status="interrupted")
    last = find_checkpoint(folder, "auto")
    return TrainResult(state.run_dir, last, state.iter, state.epoch, finished, state.model.eval())


def _run(loop: Loop, state: TrainState) -> bool:
    try:
        loop.hooks.call("before_run", state)
        return loop.run()
    finally:
        loop.hooks.call("after_run", state)
        if state.train_dataloader.skipped:
            skipped = list(state.train_dataloader.skipped.items())
            named = "; ".join(f"{path}: {reason}" for path, reason in skipped[:10])
            state.logger.warning("%d images could not be read and were left out: %s", len(skipped), named)


def _assemble(
    config: Mapping[str, Any], settings: TrainSettings, fabric: Fabric, folder: Path, seed: int, *, trust: bool
) -> tuple[TrainState, Learning, nn.Module, Any]:
    """The parts of a run at its start, on their devices."""
    model = with_synced_norms(_build_model(config, seed, trust), config.get("model"), fabric)
    learning = Learning(model)
    feed = build_feed(
        config,
        seed=seed,
        rank=fabric.global_rank,
        world_size=fabric.world_size,
        pinned=fabric.device.type == "cuda",
        trust=trust,
    )
    _check_last_batch(model, feed)
    _start_from(model, config.get("load_from") if not config.get("resume") else None)
    _set_backends(config)
    unscaled = getattr(fabric.strategy.precision, "scaler", None) is None
    at_once = (
        fabric.device.type == "cpu" and unscaled
    )  # GPUs have fast ways by default, and scaled gradients are clipped
    optimizer = build_optimizer(_scaled(settings, feed), settings.paramwise, model, fused=at_once)
    wrapped, wrapped_optimizer = fabric.setup(learning, optimizer)
    epochs, iters = settings.length.epochs(len(feed)), settings.length.iterations(len(feed))
    rules = build_rules(settings.schedules, max_epochs=epochs, max_iters=iters, epoch_length=len(feed))
    state = TrainState(
        cfg=config,
        model=model,
        optimizer=optimizer,
        schedulers=Schedules(rules, optimizer),
        train_dataloader=feed,
        visualizer=None,  # type: ignore[arg-type]
        work_dir=folder,
        max_iters=iters,
        max_epochs=epochs,
        seed=seed,
        fabric=fabric,
    )
    return state, learning, wrapped, wrapped_optimizer


def _scaled(settings: TrainSettings, feed: Feed) -> Mapping[str, Any]:
    """The optimizer's settings, with the rate of `auto_scale_lr` for the images of one step on all processes."""
    if settings.base_batch_size is None:
        return settings.optimizer
    scale = feed.batch_size * feed.world_size / settings.base_batch_size
    return with_changes(settings.optimizer, {"lr": settings.optimizer["lr"] * scale})


def _build_model(config: Mapping[str, Any], seed: int, trust: bool) -> nn.Module:
    if "model" not in config:
        raise ConfigError("has no `model = dict(type=…)` to train", file=str(getattr(config, "file", None) or "config"))
    steps = ((config.get("train_dataloader") or {}).get("dataset") or {}).get("pipeline") or ()
    return build_model(
        config["model"],
        image_size=pipeline_size(steps) or input_size(config),
        data_preprocessor=config.get("data_preprocessor"),
        scope=config.get("default_scope"),
        seed=seed,
        trust=trust,
    )


def _check_last_batch(model: nn.Module, feed: Feed) -> None:
    if feed.smallest == 1 and any(isinstance(part, nn.BatchNorm1d) for part in model.modules()):
        raise ConfigError(
            f"the last batch of an epoch holds a single image ({feed.share} images in batches of {feed.batch_size}), "
            "of which batch norm has no statistics: set train_dataloader.drop_last=True, or another batch_size"
        )


def _start_from(model: Any, path: Any) -> None:
    """`load_from`: weights to begin with; they must hold the whole backbone."""
    if path:
        model.notes += tuple(str(fit(model, read_checkpoint(path), needed="backbone")).splitlines())
        model.trained = False


def _set_backends(config: Mapping[str, Any]) -> None:
    if (config.get("env_cfg") or {}).get("cudnn_benchmark"):
        torch.backends.cudnn.benchmark = True
    if (config.get("randomness") or {}).get("deterministic"):
        torch.use_deterministic_algorithms(True)


def _asked_resume(config: Mapping[str, Any], asked: str | Path | None) -> str | Path | None:
    """`resume = True` in a config goes on from `load_from`, or from the last checkpoint, if there is one."""
    return asked if asked is not None or not config.get("resume") else config.get("load_from") or "auto"


def _seed(settings: TrainSettings, options: TrainOptions, content: Mapping[str, Any] | None) -> int:
    resumed = None if content is None else content["meta"].get("seed")
    return int(next((seed for seed in (options.seed, settings.seed, resumed) if seed is not None), 0))


def _run_of(visualizer: Visualizer | OpenVisualizer | None, work_dir: Path, content: Mapping[str, Any] | None) -> Path:
    """Where records go: the folder of a Visualizer that is there already, else one below the work dir."""
    if visualizer is None or callable(visualizer):
        return _run_dir(work_dir, content)
    return visualizer.run or work_dir


@contextmanager
def _opened(visualizer: Visualizer | OpenVisualizer | None, run_dir: Path) -> Iterator[Visualizer]:
    if visualizer is not None and not callable(visualizer):
        yield visualizer
        visualizer.flush()
        return
    with (visualizer or _local_visualizer)(run_dir) as opened:
        yield opened


def _run_dir(work_dir: Path, content: Mapping[str, Any] | None) -> Path:
    """The resumed training's own run where it is still there, else a new one."""
    named = None if content is None else content["meta"].get("run")
    if named and (work_dir / str(named) / "run.json").is_file():
        return work_dir / str(named)
    stamp = time.strftime("%Y%m%d_%H%M%S")
    for suffix in ("", *(f"-{number}" for number in range(1, 1000))):
        path = work_dir / f"{stamp}{suffix}"
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise RunError(f"{path}: cannot be made: {error.strerror or error}") from error
        return path
    raise RunError(f"{work_dir}: a thousand runs began in this second: choose another folder")


def _local_visualizer(run_dir: Path) -> Visualizer:
    from selfscope.visualization.selfsup import SelfSupVisualizer

    return SelfSupVisualizer(vis_backends=[{"type": "LocalVisBackend"}], save_dir=str(run_dir))


def _say_start(state: TrainState, settings: TrainSettings) -> None:
    feed, model, log = state.train_dataloader, state.model, state.logger.info
    weights = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    processes = f" on {state.world_size} processes" if state.world_size > 1 else ""
    log("%s, %.1f M weights, on %s%s, seed %d", model.method, weights / 1e6, state.device, processes, state.seed)
    length = settings.length
    count, unit = (length.max_iters, "iteration") if length.max_epochs is None else (length.max_epochs, "epoch")
    until = f"{count} {unit}{'' if count == 1 else 's'}"
    log("%d images, batches of %d, %d an epoch, %s", len(feed.dataset), feed.batch_size, len(feed), until)
    for line in (*settings.said, *getattr(model, "notes", ())):
        log("%s", line)
