"""A Lightning training with selfscope beside it: metrics in a run folder, and a look inside at every epoch.

    pip install "selfscope[lightning]"
    python examples/lightning_trainer.py [FOLDER]

The same two objects serve stable-pretraining, whose trainer is Lightning's.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import sklearn.datasets
import torch
from torch import nn

import selfscope as ss
from selfscope.training.integrations.lightning import SelfscopeCallback, SelfscopeLogger


class Colours(pl.LightningModule):
    """Learns to tell two photos apart by 32 x 32 pieces of them."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.backbone = nn.Sequential(
            nn.Conv2d(3, width, 3, stride=2), nn.ReLU(), nn.Conv2d(width, width, 3, stride=2), nn.ReLU()
        )
        self.head = nn.Linear(width, 2)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        pixels, labels = batch
        loss = nn.functional.cross_entropy(self.head(self.backbone(pixels).mean((2, 3))), labels)
        self.log("train/loss", loss)
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), lr=1e-2)


def pieces() -> torch.utils.data.TensorDataset:
    photos = [
        torch.tensor(photo).permute(2, 0, 1).float() / 255 for photo in sklearn.datasets.load_sample_images().images
    ]
    cut = [
        photo.unfold(1, 32, 32).unfold(2, 32, 32).flatten(1, 2).transpose(0, 1) for photo in photos
    ]  # (N, 3, 32, 32)
    labels = torch.cat([torch.full((len(part),), i) for i, part in enumerate(cut)])
    return torch.utils.data.TensorDataset(torch.cat(cut), labels)


def main(folder: Path) -> None:
    pl.seed_everything(0, verbose=False)
    logger = SelfscopeLogger(folder)
    photos = Path(sklearn.datasets.__file__).parent / "images"
    look = ss.VisualizationHook(samples=2, data=photos, key="photos")
    trainer = pl.Trainer(
        max_epochs=2,
        logger=logger,
        callbacks=[SelfscopeCallback(look, ss.LoggerHook(interval=5), look_at=lambda module: module.backbone)],
        log_every_n_steps=5,
        accelerator="cpu",
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=False,
    )
    trainer.fit(Colours(), torch.utils.data.DataLoader(pieces(), batch_size=32, shuffle=True))
    logger.close()
    run = ss.open_run(folder)
    loss = run.scalars("train/loss")
    print(f"{run.status}: {len(loss.step)} losses up to step {loss.step[-1]}, {len(run.samples)} samples in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/lightning_trainer"))
