"""A training that still runs on MMEngine, kept in a run folder of selfscope, with a look inside at every epoch.

pip install "selfscope[mmengine]"
python examples/mmengine_runner.py [FOLDER]
"""

from __future__ import annotations

import sys
from pathlib import Path

import sklearn.datasets
import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

import selfscope as ss
import selfscope.training.integrations.mmengine  # registers SelfscopeVisBackend and SelfscopeHook


class Line(BaseModel):
    """Learns y = 3x."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: torch.Tensor, y: torch.Tensor, mode: str = "tensor") -> dict[str, torch.Tensor]:
        return {"loss": (self.layer(x) - y).square().mean()}


def main(folder: Path) -> None:
    torch.manual_seed(0)
    x = torch.rand(64, 1)
    photos = Path(sklearn.datasets.__file__).parent / "images"
    look = {"type": "VisualizationHook", "data": str(photos), "samples": 2, "key": "photos"}
    runner = Runner(
        Line(),
        work_dir=str(folder),
        train_dataloader=torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, 3 * x), batch_size=8),
        train_cfg={"by_epoch": True, "max_epochs": 2},
        optim_wrapper={"optimizer": {"type": "SGD", "lr": 0.1}},
        default_hooks={"logger": {"type": "LoggerHook", "interval": 1}},
        custom_hooks=[{"type": "SelfscopeHook", "hooks": [look]}],
        visualizer={"type": "Visualizer", "vis_backends": [{"type": "SelfscopeVisBackend"}]},
        experiment_name="line",
        log_level="WARNING",
    )
    runner.train()
    (found,) = folder.glob("*/vis_data/selfscope")
    run = ss.open_run(found)
    loss = run.scalars("loss")
    print(f"{run.status}: {len(loss.step)} losses up to step {loss.step[-1]}, {len(run.samples)} samples in {found}")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "work_dirs/examples/mmengine_runner"))
