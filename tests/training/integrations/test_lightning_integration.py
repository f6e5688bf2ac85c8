"""With the real Trainer: `make test-integrations` has it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from selfscope.errors import UsageError
from selfscope.records import Scalars
from selfscope.store.reader import open_run
from selfscope.training.hooks.logger import LoggerHook
from selfscope.training.hooks.visualization import VisualizationHook

pl = pytest.importorskip("lightning.pytorch", reason='pip install "selfscope[lightning]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the warnings are Lightning's own

EXAMPLE = Path(__file__).parents[3] / "examples" / "lightning_trainer.py"


class Norm(VisualizationHook):
    """Looks at the weights, and disturbs what may not be disturbed."""

    def look(self, runner: Any, step: int) -> Any:
        torch.rand(3)
        yield Scalars({"norm": float(runner.model.weight.norm())}, step)


def fit(folder: Path | None, hooks: tuple[Any, ...] = (), accumulate: int = 1, epochs: int = 2) -> Any:
    from selfscope.training.integrations.lightning import SelfscopeCallback, SelfscopeLogger

    class Line(pl.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.drop, self.losses = torch.nn.Linear(3, 1), torch.nn.Dropout(), []

        def training_step(self, batch: Any, batch_idx: int) -> dict[str, Any]:
            loss = self.layer(self.drop(batch[0])).square().mean()
            self.losses.append(loss.item())
            self.log("train/loss", loss)
            return {"loss": loss, "extra": 2.5}

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.05)

    pl.seed_everything(0, verbose=False)
    module = Line()
    logger = SelfscopeLogger(folder) if folder else False
    callbacks = [SelfscopeCallback(*hooks, look_at=lambda module: module.layer)] if hooks else []
    options = {f"enable_{name}": False for name in ("progress_bar", "model_summary", "checkpointing")}
    trainer = pl.Trainer(
        max_epochs=epochs,
        logger=logger,
        callbacks=callbacks,
        log_every_n_steps=1,
        accumulate_grad_batches=accumulate,
        accelerator="cpu",
        **options,
    )
    data = torch.utils.data.TensorDataset(torch.arange(18.0).reshape(6, 3) / 10)
    trainer.fit(module, torch.utils.data.DataLoader(data, batch_size=1))
    if logger:
        logger.close()
    return module


def test_losses_are_the_modules_own_and_looking_changes_none(tmp_path: Path) -> None:
    plain = fit(None)
    module = fit(tmp_path, (LoggerHook(interval=1), Norm()))
    assert module.losses == plain.losses
    assert torch.equal(module.layer.weight, plain.layer.weight)
    run = open_run(tmp_path)
    assert run.status == "finished"
    assert run.scalars("loss").step.tolist() == list(range(1, 13))
    assert run.scalars("loss").value.tolist() == module.losses
    assert run.scalars("extra").value.tolist() == [2.5] * 12
    assert run.scalars("train/loss").value.tolist() == module.losses
    assert run.scalars("norm").step.tolist() == [0, 6, 12]
    assert run.scalars("eta").value[-1] == 0


def test_an_iteration_is_a_step_of_the_optimizer(tmp_path: Path) -> None:
    module = fit(tmp_path, (LoggerHook(interval=1), Norm()), accumulate=2)
    run = open_run(tmp_path)
    assert run.scalars("loss").step.tolist() == list(range(1, 7))
    assert run.scalars("loss").value.tolist() == pytest.approx(module.losses[1::2], rel=1e-6)
    assert run.scalars("norm").step.tolist() == [0, 3, 6]


def test_a_logger_keeps_pictures_and_hyperparameters(tmp_path: Path) -> None:
    from selfscope.training.integrations.lightning import SelfscopeLogger

    logger = SelfscopeLogger(tmp_path, name="mine")
    logger.log_hyperparams({"system.gpu": 0})  # as stable-pretraining names them
    logger.log_hyperparams({"lr": 0.1, "path": tmp_path, "sizes": (1, 2)})
    logger.log_image("one", [torch.zeros(3, 4, 5)], step=3, caption=["black"])
    logger.log_image("two", [torch.zeros(3, 4, 5), torch.ones(3, 4, 5)])
    logger.log_metrics({"a": float("nan")}, step=2)
    logger.finalize("success")
    logger.log_metrics({"a": 1.0}, step=3)
    logger.close()
    run = open_run(tmp_path)
    values = {"system.gpu": 0, "lr": 0.1, "path": str(tmp_path), "sizes": [1, 2]}
    assert run.config == {"hyperparameters": values}
    assert [(entry.key, entry.step) for entry in run.pictures] == [("one", 3), ("two/0", 0), ("two/1", 0)]
    assert run.scalars("a").step.tolist() == [2, 3]
    assert (logger.name, logger.version, logger.save_dir) == ("mine", tmp_path.name, str(tmp_path))


def test_a_failed_fit_is_told(tmp_path: Path) -> None:
    class Failing:
        def after_train_iter(self, runner: Any, batch_idx: int, data_batch: Any, outputs: Any) -> None:
            raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        fit(tmp_path, (Failing(),))
    assert open_run(tmp_path).status == "failed"


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    from selfscope.training.integrations.lightning import SelfscopeLogger

    with pytest.raises(UsageError, match="a folder for the run"):
        SelfscopeLogger()
    with pytest.raises(UsageError, match="give the Trainer logger=SelfscopeLogger"):
        fit(None, (Norm(),))


def test_the_example(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "finished: 6 losses up to step 29, 6 samples" in told
    run = open_run(tmp_path)
    assert sorted({sample.step for sample in run.samples.values()}) == [0, 17, 34]
    assert run.config is not None
    assert run.config["hyperparameters"]["width"] == 16  # stable-pretraining, where it is installed, adds its own
