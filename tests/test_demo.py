"""The demo, shortened: what it leaves, and that the words on it follow from the numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.cli import main
from selfscope.store.reader import open_run


@pytest.mark.slow
def test_the_demo_leaves_a_run_that_reads_back(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["demo", "--work-dir", str(tmp_path), "--iterations", "30"]) == 0
    (folder,) = tmp_path.iterdir()
    run = open_run(folder)
    assert run.status == "finished"
    losses = run.scalars("loss")
    assert losses.step.tolist() == list(range(1, 31))
    assert losses.value[-5:].mean() < losses.value[:5].mean()
    assert sorted(run.embeddings) == ["raw pixels", "trained", "untrained"]
    assert len(run.reconstructions) == 12
    assert len(run.samples) == 4
    sheets = [entry.step for entry in run.pictures if entry.key == "training/reconstructions"]
    assert sheets == [0, 7, 14, 21, 28]
    with Image.open(folder / "demo.png") as sheet:
        assert min(sheet.size) > 1000
    told = capsys.readouterr().out
    assert str(folder / "demo.png") in told
    assert told.count("kNN accuracy") == 3


@pytest.mark.slow
def test_its_checkpoint_works_with_the_commands(tmp_path: Path) -> None:
    assert main(["demo", "--work-dir", str(tmp_path / "D"), "--iterations", "5"]) == 0
    (folder,) = (tmp_path / "D").iterdir()
    model = [str(folder / "mae_digits.py"), "--checkpoint", str(folder / "iter_5.pth")]
    photo = next((folder / "digits" / "val" / "3").glob("*.png"))
    arrays = tmp_path / "A.npz"
    assert main(["reconstruct", *model, "--img-path", str(photo), "--save-arrays", str(arrays)]) == 0
    assert np.load(arrays)["mask"].shape == (4, 4)
    assert main(["tsne", *model, "--work-dir", str(tmp_path / "W"), "--method", "pca"]) == 0
    (made,) = (tmp_path / "W").iterdir()
    assert np.load(made / "labels.npy").shape == (540,)
