"""Hooks in a training loop that is yours: three lines, and each epoch a look inside.

python examples/watched_loop.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import sklearn.datasets
import torch
from torch import nn

import selfscope as ss


def main(folder: Path) -> None:
    torch.manual_seed(0)
    photos = Path(sklearn.datasets.__file__).parent / "images"
    pieces = torch.rand(24, 3, 16, 16)
    loader = torch.utils.data.DataLoader(pieces, batch_size=8)
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.GELU(), nn.Conv2d(8, 3, 3, padding=1))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    hooks = [ss.LoggerHook(interval=1), ss.VisualizationHook(samples=2, data=photos, key="photos")]
    with ss.Watch(model, folder, optimizer=optimizer, epochs=2, hooks=hooks) as watch:
        for _ in range(2):
            for batch in watch(loader):
                loss = (model(batch) - batch).square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                watch.step(loss=loss)
    run = ss.open_run(folder)
    print(f"{run.status}: {len(run.scalars('loss').step)} losses, {len(run.samples)} samples in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/watched_loop"))
