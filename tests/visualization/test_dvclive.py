from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.draw.show import sample_photo
from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Histogram, Reconstruction
from selfscope.store.figures import DrawnFigure
from selfscope.store.tables import read_parquet
from selfscope.visualization.backends.check import Stored, check_backend
from selfscope.visualization.backends.dvclive import DVCLiveVisBackend
from selfscope.visualization.visualizer import Visualizer

PHOTO = sample_photo(40, 60)
pytestmark = pytest.mark.filterwarnings("ignore")  # of DVCLive's packages
needs_dvclive = pytest.mark.skipif(find_spec("dvclive") is None, reason="needs DVCLive: make test-trackers")


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "dvclive", None)
    with pytest.raises(MissingExtraError, match=r'needs dvclive: pip install "selfscope\[dvclive\]"'):
        Visualizer(vis_backends={"type": "DVCLiveVisBackend"}, save_dir=tmp_path)


@pytest.fixture(autouse=True)
def inside(tmp_path, monkeypatch):
    """A git repository, as a training is mostly run in one."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)


class Files:
    """What DVCLive's folder holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "dvclive"

    def scalars(self) -> dict[str, list[tuple]]:
        found = {}
        metrics = self.folder / "plots/metrics"
        for path in metrics.rglob("*.tsv"):
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.DictReader(file, delimiter="\t"))
            tag = path.relative_to(metrics).with_suffix("").as_posix()
            found[tag] = [(int(row["step"]), float(row[path.stem])) for row in rows]
        return found

    def pictures(self, key: str) -> list[tuple[int, np.ndarray]]:
        files = sorted((self.folder / "plots/images" / key).glob("*.png"))
        return [(int(path.stem.split("-")[0]), np.asarray(Image.open(path))) for path in files]


@needs_dvclive
def test_it_is_a_backend(tmp_path):
    def read_back() -> Stored:
        files = Files(tmp_path / "run")
        return Stored(files.scalars(), {"val/a picture": files.pictures("val/a picture")})

    assert check_backend(lambda: DVCLiveVisBackend(str(tmp_path / "run")), read_back) == frozenset()
    assert len(Files(tmp_path / "run").pictures("val/a picture")) == 2
    status = subprocess.check_output(["git", "status", "--short", "--ignored"], text=True).split()
    assert status == ["??", "run/"], "the git repository around was changed"


@needs_dvclive
def test_every_kind_has_its_place(tmp_path):
    from ruamel.yaml import YAML

    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    with Visualizer(vis_backends={"type": "DVCLiveVisBackend"}, save_dir=tmp_path / "größe 20%") as vis:
        for step in [5, 3]:
            vis.add_scalars({"train/loss": 1 / step, "größe (%)": float("nan")}, step)
            vis.add_image("p", np.roll(PHOTO, step, axis=1), step, caption="words")
            vis.add_text("note", f"# größe {step}", 1)
        vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2))
        vis.add_table("t", {"name": ["001", None], "value": [1, 2.5]}, 3)
        vis.add_figure("plotly", DrawnFigure({".html": b"<p>x</p>"}), 1)
        vis.add_config({"model": {"type": "MAE"}, "betas": (0.9, 0.95)})
        vis.add_graph("Linear(2, 3)")
        vis.write(Embedding("tsne/neck", coords, quality={"t": 0.5}, settings={"seed": 1}, step=3))
        vis.write(Reconstruction("cat/1", {"original": PHOTO}, "MAE", metrics={"psnr": 20.5}, step=4))
    files = Files(tmp_path / "größe 20%" / "vis_data")
    scalars, artifacts = files.scalars(), files.folder / "artifacts"
    assert scalars["train/loss"] == [(5, 0.2), (3, 1 / 3)]
    assert (scalars["tsne/neck/t"], scalars["cat/1/psnr"]) == ([(3, 0.5)], [(4, 20.5)])
    assert np.isnan([value for _, value in scalars["größe (%)"]]).all()
    for step, pixels in files.pictures("p"):
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, step, axis=1))
    assert (artifacts / "captions/p/step_5.md").read_text() == "words"
    notes = [(artifacts / f"texts/note/{name}.md").read_text(encoding="utf-8") for name in ("step_1", "step_1-1")]
    assert notes == ["# größe 5", "# größe 3"]
    bars = json.loads((files.folder / "plots/custom/h/2.json").read_text())
    assert [(bar["bin"], bar["count"]) for bar in bars] == [("0 … 0.5", 1), ("0.5 … 1", 0), ("1 … 1.5", 4)]
    assert (artifacts / "tables/t/step_3.csv").read_text() == "name,value\n001,1\n,2.5\n"
    assert (artifacts / "figures/plotly/step_1.html").read_text() == "<p>x</p>"
    assert (artifacts / "texts/graph/step_0.md").read_text() == "Linear(2, 3)"
    table = read_parquet(artifacts / "embeddings/tsne/neck/step_3.parquet")
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coords)
    assert json.loads((artifacts / "embeddings/tsne/neck/step_3.json").read_text())["settings"] == {"seed": 1}
    params = YAML(typ="safe").load((files.folder / "params.yaml").read_text())
    assert params == {"model": {"type": "MAE"}, "betas": [0.9, 0.95]}
    described = YAML(typ="safe").load((files.folder / "dvc.yaml").read_text())
    assert described["metrics"] == ["metrics.json"]
    assert {"plots/metrics": {"x": "step"}} in described["plots"]


@needs_dvclive
def test_a_tag_under_another_tag_is_kept_in_each_session(tmp_path):
    for step in range(2):
        backend = DVCLiveVisBackend(str(tmp_path))
        order = {"loss": 1.0, "loss/a": 2.0, "acc/a": 3.0, "acc": 4.0}
        backend.add_scalars(order if step == 0 else dict(reversed(order.items())), step)
        backend.close()
    assert Files(tmp_path).scalars() == {
        "loss": [(0, 1.0), (1, 1.0)],
        "loss.a": [(0, 2.0), (1, 2.0)],
        "acc/a": [(0, 3.0), (1, 3.0)],
        "acc_": [(0, 4.0), (1, 4.0)],
    }


@needs_dvclive
def test_a_picture_of_the_same_step_in_a_later_session_stands_beside(tmp_path):
    for shift in range(2):
        backend = DVCLiveVisBackend(str(tmp_path))
        backend.add_image("../p", np.roll(PHOTO, shift, axis=1), 3)
        backend.close()
    (folder,) = (Files(tmp_path).folder / "plots/images").iterdir()
    stored = [np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"), reverse=True)]
    for shift, pixels in enumerate(stored):
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, shift, axis=1))
    assert len(stored) == 2
