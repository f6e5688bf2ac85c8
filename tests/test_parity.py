"""The ancestor's own numbers, from the command line to the panels, where the parity data lies beside the project."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from selfscope.cli import main

PARITY = Path(__file__).parents[2] / "shared" / "parity"
FLAGS = {
    "mae": ["--norm-pix"],
    "simmim": ["--use-vis-pipeline"],
    "maskfeat": ["--use-vis-pipeline", "--target-generator"],
}
SIZES = {"mae": 224, "simmim": 192, "maskfeat": 224}
PANELS = {"original": "original", "masked": "masked", "reconstruction": "recon", "pasted": "paste"}

pytestmark = pytest.mark.skipif(not PARITY.exists(), reason="needs the parity data in ../shared/parity")


@pytest.mark.parametrize(
    ("name", "weights"), [("mae", "mae"), ("mae", "mae_with_history"), ("simmim", "simmim"), ("maskfeat", "maskfeat")]
)
def test_reconstruct_agrees_with_the_ancestor(name: str, weights: str, tmp_path: Path) -> None:
    model = ast.literal_eval((PARITY / f"{name}.config.txt").read_text(encoding="utf-8"))
    model.pop("pretrained")
    steps = [dict(type="LoadImageFromFile"), dict(type="Resize", scale=(SIZES[name],) * 2, backend="pillow")]
    steps.append(dict(type="PackSelfSupInputs", meta_keys=["img_path"]))
    config = tmp_path / "config.py"
    config.write_text(f"default_scope = 'mmselfsup'\nmodel = {model!r}\nvis_pipeline = {steps!r}\n", encoding="utf-8")
    golden = np.load(PARITY / f"{name}.npz")
    np.save(tmp_path / "mask.npy", golden["model_mask"])
    arrays = tmp_path / "arrays.npz"
    files = ["--checkpoint", str(PARITY / f"{weights}.pth"), "--img-path", str(PARITY / "astronaut.jpg")]
    given = ["--mask-file", str(tmp_path / "mask.npy"), "--save-arrays", str(arrays), "--device", "cpu"]
    assert main(["reconstruct", str(config), *files, *given, *FLAGS[name]]) == 0
    ours = np.load(arrays)
    np.testing.assert_allclose(ours["features"], golden["features"][0], atol=1e-4)
    np.testing.assert_allclose(ours["pred"], golden["pred"][0], atol=1e-4)
    for panel, theirs in PANELS.items() if name != "maskfeat" else ():
        difference = np.abs(ours[panel].astype(int) - golden[f"out_{theirs}"].astype(int))
        assert difference.max() <= 1, panel
