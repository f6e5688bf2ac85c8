"""What logging and hooks cost an iteration.

    python benchmarks/hooks.py [--iterations 200] [--backends local tensorboard]

One loop, a small MAE on random images, whose iterations are run in blocks, alternately without and with hooks at
interval 1. Wall time is that of the loop; CPU time is that of the whole process, the threads that write included.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from selfscope.models.build import build_model
from selfscope.training.hooks.build import build_hooks
from selfscope.training.hooks.calls import Hooks
from selfscope.visualization.visualizer import Visualizer

BACKENDS = {"local": "LocalVisBackend", "tensorboard": "TensorboardVisBackend", "wandb": "WandbVisBackend"}
BLOCK = 10
MODEL = {
    "type": "MAE",
    "data_preprocessor": {"mean": [127.5], "std": [127.5], "to_rgb": True},
    "backbone": {
        "type": "MAEViT",
        "arch": {"embed_dims": 192, "num_layers": 6, "num_heads": 3, "feedforward_channels": 768},
        "img_size": 32,
        "patch_size": 4,
        "mask_ratio": 0.75,
    },
    "neck": {
        "type": "MAEPretrainDecoder",
        "patch_size": 4,
        "embed_dim": 192,
        "decoder_embed_dim": 96,
        "decoder_depth": 2,
        "decoder_num_heads": 3,
    },
    "head": {"type": "MAEPretrainHead", "norm_pix": True, "patch_size": 4},
}


def make_step(batch: int) -> tuple[torch.nn.Module, Callable[[], torch.Tensor]]:
    """A model, and one iteration of its training."""
    model = build_model(MODEL, seed=0).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    pixels, rng = torch.randn(batch, 3, 32, 32), np.random.default_rng(0)

    def step() -> torch.Tensor:
        loss = model.loss(pixels, model.random_mask(batch, rng))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return model, step


def run_block(step: Callable[[], torch.Tensor], hooks: Hooks | None, runner: SimpleNamespace) -> tuple[float, float]:
    """Wall and CPU milliseconds an iteration."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(BLOCK):
        place = runner.iter % len(runner.train_dataloader)
        if hooks is not None:
            hooks.call("before_train_iter", runner, batch_idx=place, data_batch=None)
        loss = step()
        if hooks is not None:
            hooks.call("after_train_iter", runner, batch_idx=place, data_batch=None, outputs={"loss": loss})
            runner.iter += 1
    return (time.perf_counter() - wall) * 1e3 / BLOCK, (time.process_time() - cpu) * 1e3 / BLOCK


def calls_alone(hooks: Hooks, runner: SimpleNamespace, n: int = 2000) -> float:
    """CPU microseconds of the loop's own thread for the hooks of one iteration."""
    loss, start = torch.tensor(0.5), time.thread_time()
    for _ in range(n):
        place = runner.iter % len(runner.train_dataloader)
        hooks.call("before_train_iter", runner, batch_idx=place, data_batch=None)
        hooks.call("after_train_iter", runner, batch_idx=place, data_batch=None, outputs={"loss": loss})
        runner.iter += 1
    return (time.thread_time() - start) * 1e6 / n


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--iterations", type=int, default=200, help="of each side")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--backends", nargs="+", choices=BACKENDS, default=["local"])
    given = parser.parse_args()
    model, step = make_step(given.batch)
    with tempfile.TemporaryDirectory() as folder:
        logger = logging.getLogger("benchmark")
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.addHandler(logging.FileHandler(Path(folder) / "train.log"))
        kinds = [{"type": BACKENDS[name]} for name in given.backends]
        with Visualizer(vis_backends=kinds, save_dir=folder) as visualizer:
            runner = SimpleNamespace(iter=0, epoch=0, max_iters=10**6, max_epochs=1000, model=model, cfg={}, rank=0)
            runner.train_dataloader, runner.work_dir, runner.device = range(1000), Path(folder), "cpu"
            runner.visualizer, runner.logger = visualizer, logger
            runner.timing, runner.numbers = {"time": 0.1, "data_time": 0.01}, {"lr": 1e-3, "grad_norm": 1.0}
            hooks = build_hooks({"default_hooks": {"logger": {"type": "LoggerHook", "interval": 1}}})
            hooks.call("before_run", runner)
            run_block(step, hooks, runner)
            sides = {"without hooks": None, "with hooks": hooks}
            times = {name: [] for name in sides}
            for i in range(max(1, given.iterations // BLOCK)):
                for name in list(sides)[:: 1 if i % 2 else -1]:
                    times[name].append(run_block(step, sides[name], runner))
            visualizer.flush()
            alone = calls_alone(hooks, runner)
    (bare, bare_cpu), (full, full_cpu) = (map(statistics.median, zip(*times[name], strict=True)) for name in sides)
    threads = torch.get_num_threads()
    print(f"LoggerHook at interval 1, {' + '.join(given.backends)}; batch {given.batch}, {threads} thread(s)")
    print(f"  without hooks  {bare:8.2f} ms wall  {bare_cpu:8.2f} ms CPU an iteration (median of blocks)")
    print(f"  with hooks     {full:8.2f} ms wall  {full_cpu:8.2f} ms CPU")
    print(f"  difference     {100 * (full / bare - 1):8.2f} %        {100 * (full_cpu / bare_cpu - 1):8.2f} %")
    print(
        f"  the hooks' calls alone: {alone:.0f} us, {alone / bare_cpu / 10:.3f} % of an iteration (target: below 1 %)"
    )


if __name__ == "__main__":
    main()
