"""With the real Runner: `make test-integrations` has it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from selfscope.store.reader import open_run

EXAMPLE = Path(__file__).parents[3] / "examples" / "mmengine_runner.py"
LINE = 'pip install "selfscope[mmengine]"'
BESIDE = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, sys.argv[2])
import mmengine_runner
make = mmengine_runner.Runner
def runner(*args, **options):
    options["visualizer"]["vis_backends"].append({"type": "LocalVisBackend"})
    return make(*args, **options)
mmengine_runner.Runner = runner
mmengine_runner.main(mmengine_runner.Path(sys.argv[1]))
"""


@pytest.mark.slow
def test_the_example_and_mmengines_own_backend_beside_it(tmp_path: Path) -> None:
    pytest.importorskip("mmengine", reason=LINE)
    command = [sys.executable, "-c", BESIDE, str(tmp_path), str(EXAMPLE.parent)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "finished: 16 losses up to step 16, 6 samples" in told
    (folder,) = tmp_path.glob("*/vis_data")
    lines = [json.loads(line) for line in (folder / "scalars.json").read_text().splitlines()]
    run = open_run(folder / "selfscope")
    assert run.scalars("loss").step.tolist() == [line["step"] for line in lines]
    assert run.scalars("loss").value.tolist() == [line["loss"] for line in lines]


def test_the_backend_has_mmengines_five_methods(tmp_path: Path) -> None:
    pytest.importorskip("mmengine", reason=LINE)
    from mmengine.config import Config

    from selfscope.training.integrations.mmengine import SelfscopeVisBackend

    backend = SelfscopeVisBackend(str(tmp_path))
    backend.add_config(Config({"lr": 0.5, "sizes": [1, 2]}))
    backend.add_image("black", np.zeros((4, 5, 3), np.uint8), step=2)
    backend.add_scalar("a", 1.5, step=3)
    backend.add_scalars({"b": 2.5, "step": 4}, step=4)
    backend.close()
    run = open_run(tmp_path / "selfscope")
    assert run.config == {"lr": 0.5, "sizes": [1, 2]}
    assert [(entry.key, entry.step) for entry in run.pictures] == [("black", 2)]
    assert run.scalars("a").step.tolist() == [3]
    assert run.scalars("b").value.tolist() == [2.5]
    assert sorted(run.scalars()) == ["a", "b"]
