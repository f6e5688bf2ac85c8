"""The training engine against a bare PyTorch loop, and what hooks cost: one step of the same model, data and optimizer.

    python benchmarks/train.py                 # a quiet machine; wall time decides
    python benchmarks/train.py --steps 10 --rounds 1

Three sides take turns in one process: a bare loop over torch's DataLoader, `selfscope.train` without any hook (the
config's pictures and maps are left out), and the same with one hook, a LoggerHook at interval 1 that stores in local
files. All read the same files through the same pipeline and take the same kind of optimizer. The engine differs in two
things: each image has a mask of its own seed, where the bare loop draws a batch's masks at once; and on a CPU the
optimizer is torch's fused form, where the bare loop has what `torch.optim.AdamW(…)` gives.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from selfscope.config.reader import Config, load_config
from selfscope.data.dataset import build_dataset
from selfscope.data.digits import write_digits
from selfscope.models.build import build_model
from selfscope.training.engine import TrainOptions, train

CONFIG = "configs/selfsup/mae/mae_vit-tiny-p4_cifar10.py"
BATCH = 128
WARM_UP = 3
"""First steps of every turn, which are not counted."""
Times = tuple[float, float]
"""Milliseconds a step: wall, CPU of this process."""


def settings(root: Path, steps: int, *, hooks: bool) -> Config:
    config = load_config(CONFIG)
    config["train_dataloader"] = {"batch_size": BATCH, "num_workers": 0, "drop_last": True, "dataset": dataset(root)}
    config["train_cfg"] = {"type": "IterBasedTrainLoop", "max_iters": steps + WARM_UP}
    config["param_scheduler"] = []
    config["custom_hooks"] = []
    checkpoint = {"type": "CheckpointHook", "interval": -1, "save_last": False}
    logger = {"type": "LoggerHook", "interval": 1} if hooks else None
    config["default_hooks"] = {"checkpoint": checkpoint, "logger": logger}
    return config


def dataset(root: Path) -> dict[str, Any]:
    steps = load_config(CONFIG)["train_pipeline"]
    return {"type": "CustomDataset", "data_root": str(root / "train"), "ann_file": "", "pipeline": steps}


class Clock:
    """Notes the time after every step."""

    def __init__(self) -> None:
        self.marks: list[Times] = []

    def __call__(self, *_: Any) -> None:
        self.marks.append((time.perf_counter(), time.process_time()))

    def per_step(self) -> Times:
        counted = self.marks[WARM_UP:]
        wall, cpu = (1000 * (counted[-1][i] - counted[0][i]) / (len(counted) - 1) for i in (0, 1))
        return wall, cpu


def bare(root: Path, steps: int) -> Times:
    """What a researcher writes: DataLoader, forward, backward, clip, step."""
    config, clock = load_config(CONFIG), Clock()
    model: Any = build_model(config["model"], data_preprocessor=config["data_preprocessor"], seed=0).train()
    wrapper = config["optim_wrapper"]
    options = {key: value for key, value in wrapper["optimizer"].items() if key != "type"}
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    flat, others = [w for w in weights if w.ndim == 1], [w for w in weights if w.ndim > 1]
    optimizer = torch.optim.AdamW([{"params": others}, {"params": flat, "weight_decay": 0.0}], **options)
    pictures = build_dataset(dataset(root), seed=0)
    loader = torch.utils.data.DataLoader(
        pictures,  # type: ignore[arg-type]
        BATCH,
        shuffle=True,
        drop_last=True,
        collate_fn=lambda items: torch.stack([item.inputs[0] for item in items]),
    )
    rng = np.random.default_rng(0)
    while len(clock.marks) < steps + WARM_UP:
        for images in loader:
            loss = model.loss(model.normaliser(images), model.random_mask(len(images), rng))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, wrapper["clip_grad"]["max_norm"])
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            clock()
            if len(clock.marks) == steps + WARM_UP:
                break
    return clock.per_step()


def engine(root: Path, steps: int, *, hooks: bool) -> Times:
    clock = Clock()
    with tempfile.TemporaryDirectory() as work:
        train(settings(root, steps, hooks=hooks), work, TrainOptions(device="cpu"), progress=clock)
    return clock.per_step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=40, help="counted steps a turn")
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    logging.getLogger("selfscope").setLevel(logging.WARNING)
    sides: dict[str, Callable[[Path, int], Times]] = {
        "bare loop": bare,
        "engine, no hooks": lambda root, steps: engine(root, steps, hooks=False),
        "engine, hooks at every step": lambda root, steps: engine(root, steps, hooks=True),
    }
    found: dict[str, list[Times]] = {name: [] for name in sides}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_digits(root)
        for _ in range(given.rounds):
            for name, side in sides.items():
                found[name].append(side(root, given.steps))
    turns = f"{given.rounds} rounds of {given.steps} steps, {torch.get_num_threads()} threads"
    print(f"MAE, {BATCH} images of 32 pixels a step, {turns}")
    for name, times in found.items():
        walls, cpus = zip(*times, strict=True)
        first = [statistics.median(t[i] / b[i] for t, b in zip(times, found["bare loop"], strict=True)) for i in (0, 1)]
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        print(f"{name:28s} wall {wall:7.1f} ms ({first[0]:.3f} of bare)   CPU {cpu:7.1f} ms ({first[1]:.3f} of bare)")
    hooked, plain = found["engine, hooks at every step"], found["engine, no hooks"]
    cost = [100 * (statistics.median(h[i] / p[i] for h, p in zip(hooked, plain, strict=True)) - 1) for i in (0, 1)]
    print(f"hooks cost {cost[0]:+.2f} % of a step's wall time, {cost[1]:+.2f} % of its CPU time")


if __name__ == "__main__":
    main()
