"""stable-pretraining trains through Lightning, so that Lightning's logger and callback serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from selfscope.store.reader import open_run
from selfscope.training.hooks.logger import LoggerHook

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def test_its_module_trains_with_our_logger_and_callback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    spt: Any = pytest.importorskip("stable_pretraining", reason="pip install stable-pretraining")
    pl: Any = pytest.importorskip("lightning.pytorch")
    from selfscope.training.integrations.lightning import SelfscopeCallback, SelfscopeLogger

    losses = []

    def forward(self: Any, batch: dict[str, torch.Tensor], stage: str) -> dict[str, torch.Tensor]:
        loss = self.backbone(batch["image"]).square().mean()
        losses.append(loss.item())
        return {"loss": loss}

    torch.manual_seed(0)
    optimizer = {"optimizer": {"type": "SGD", "lr": 0.1}, "scheduler": {"type": "ConstantLR"}, "interval": "step"}
    module = spt.Module(backbone=torch.nn.Linear(3, 2), forward=forward, optim=optimizer)
    items = [{"image": torch.full((3,), float(i))} for i in range(4)]
    loader = torch.utils.data.DataLoader(items, batch_size=2)
    data = spt.data.DataModule(train=loader)
    logger = SelfscopeLogger(tmp_path / "run")
    trainer = pl.Trainer(
        max_epochs=2,
        logger=logger,
        callbacks=[SelfscopeCallback(LoggerHook(interval=1), look_at=lambda module: module.backbone)],
        accelerator="cpu",
        enable_progress_bar=False,
        enable_checkpointing=False,
        num_sanity_val_steps=0,
        limit_val_batches=0,
        default_root_dir=tmp_path,
    )
    trainer.fit(module, datamodule=data)
    logger.close()
    run = open_run(tmp_path / "run")
    assert run.scalars("loss").step.tolist() == [1, 2, 3, 4]
    assert run.scalars("loss").value.tolist() == losses
