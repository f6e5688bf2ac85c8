"""Hooks of your own: one that watches, one that looks inside, named in a config and called by `selfscope train`.

    python examples/custom_hook.py [FOLDER]

Code written for MMEngine's `Hook` works after changing its import line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import selfscope as ss
from selfscope.config.reader import find_config, load_config
from selfscope.records import Record, Scalars
from selfscope.training.engine import train


@ss.HOOKS.register_module()
class SlowestHook(ss.Hook):
    """Remembers the slowest iteration. A method name that is no point of the loop would be refused."""

    priority = "LOW"

    def before_train(self, runner: Any) -> None:
        self.slowest = (0.0, 0)

    def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any = None, outputs: Any = None) -> None:
        self.slowest = max(self.slowest, (runner.timing["time"], runner.iter + 1))

    def after_train(self, runner: Any) -> None:
        runner.visualizer.add_text("slowest", "iteration {1}, {0:.3f} s".format(*self.slowest), step=runner.iter)


@ss.HOOKS.register_module()
class WeightNormHook(ss.VisualizationHook):
    """Records the norm of every block's weights after each epoch; what `look` yields is stored."""

    def look(self, runner: Any, step: int) -> Iterator[Record]:
        norms = {
            f"norm/{name}": float(value.norm()) for name, value in runner.model.named_parameters() if value.ndim == 2
        }
        yield Scalars(norms, step)


def write_digits(folder: Path, count: int = 64) -> None:
    data = load_digits()
    for index in range(count):
        path = folder / "train" / str(data.target[index]) / f"{index:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((data.images[index] * 255 / 16).astype(np.uint8)).save(path)


def main(folder: Path) -> None:
    write_digits(folder / "digits")
    config = load_config(find_config("configs/selfsup/mae/mae_vit-tiny-p8_digits.py"))
    config["train_dataloader"]["dataset"]["data_root"] = str(folder / "digits")
    config["train_dataloader"]["batch_size"] = 32
    config["train_cfg"] = {"type": "EpochBasedTrainLoop", "max_epochs": 2}
    config["custom_hooks"] = [
        {"type": "SlowestHook"},
        {"type": "WeightNormHook", "interval": 1, "priority": "VERY_LOW"},
    ]
    result = train(config, folder)
    run = ss.open_run(result.run)
    norms = [tag for tag in run.scalars() if tag.startswith("norm/")]
    print(f"{run.texts[0].load().text}; {len(norms)} norms at steps {run.scalars(norms[0]).step.tolist()}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/custom_hook"))
