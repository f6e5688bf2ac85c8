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
from selfscope.training.hooks.visualization import VisualizationHook

transformers = pytest.importorskip("transformers", reason='pip install "selfscope[transformers]"')
pytest.importorskip("accelerate", reason='pip install "selfscope[transformers]"')
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # the warnings are the Trainer's own

EXAMPLE = Path(__file__).parents[3] / "examples" / "transformers_trainer.py"


class Line(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer, self.drop = torch.nn.Linear(3, 1), torch.nn.Dropout()

    def forward(self, x: torch.Tensor, labels: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        return {"loss": self.layer(self.drop(x)).square().mean()}


class Norm(VisualizationHook):
    def look(self, runner: Any, step: int) -> Any:
        torch.rand(3)
        yield Scalars({"norm": float(runner.model.weight.norm())}, step)


def fit(folder: Path, callbacks: list[Any], accumulate: int = 1) -> Any:
    torch.manual_seed(0)
    arguments = transformers.TrainingArguments(
        output_dir=str(folder / "trainer"),
        num_train_epochs=2,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=accumulate,
        learning_rate=0.1,
        logging_steps=1,
        report_to=[],
        save_strategy="no",
        disable_tqdm=True,
        use_cpu=True,
    )
    items = [{"x": torch.arange(3.0) + i} for i in range(6)]
    trainer = transformers.Trainer(model=Line(), args=arguments, train_dataset=items, callbacks=callbacks)
    trainer.train()
    return trainer


@pytest.mark.parametrize("accumulate", [1, 2])
def test_its_logs_are_in_the_run_and_looking_changes_none(tmp_path: Path, accumulate: int) -> None:
    from selfscope.training.integrations.transformers import SelfscopeCallback

    plain = fit(tmp_path, [], accumulate)
    callback = SelfscopeCallback(tmp_path / "run", hooks=[Norm()], look_at=lambda model: model.layer)
    trainer = fit(tmp_path, [callback], accumulate)
    callback.close()
    assert torch.equal(trainer.model.layer.weight, plain.model.layer.weight)
    run, steps = open_run(tmp_path / "run"), 12 // accumulate
    told = [(line["step"], line["loss"]) for line in trainer.state.log_history if "loss" in line]
    assert list(zip(run.scalars("loss").step.tolist(), run.scalars("loss").value.tolist(), strict=True)) == told
    assert run.scalars("loss").step.tolist() == list(range(1, steps + 1))
    assert run.scalars("norm").step.tolist() == [0, steps // 2, steps]
    assert run.config["training_arguments"]["learning_rate"] == 0.1
    assert run.status == "finished"


def test_a_folder_is_needed() -> None:
    from selfscope.training.integrations.transformers import SelfscopeCallback

    with pytest.raises(UsageError, match="a folder for the run"):
        SelfscopeCallback()


def test_the_example(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE), str(tmp_path)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "finished: 6 losses up to step 12, 3 maps" in told
    loss = open_run(tmp_path).scalars("loss").value
    assert loss[-1] < loss[0]
