from __future__ import annotations

import json
import logging
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from selfscope.draw.show import sample_photo
from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Histogram, Picture, Reconstruction, Text
from selfscope.store.figures import DrawnFigure
from selfscope.store.tables import read_parquet
from selfscope.visualization.backends.aim import AimVisBackend, evenly
from selfscope.visualization.backends.check import Stored, check_backend
from selfscope.visualization.backends.contract import UnsupportedRecordError
from selfscope.visualization.visualizer import Visualizer

PHOTO = sample_photo(40, 60)
pytestmark = pytest.mark.filterwarnings("ignore")  # of Aim's packages
needs_aim = pytest.mark.skipif(find_spec("aim") is None, reason="needs Aim: make test-trackers")


def test_bins_of_one_width_are_kept_and_others_spread():
    counts = np.array([1, 0, 4])
    assert evenly(counts, np.array([0.0, 0.5, 1.0, 1.5]), 512) is counts
    np.testing.assert_allclose(evenly(np.array([2, 6]), np.array([0.0, 1.0, 4.0]), 512), [4, 4])
    np.testing.assert_allclose(
        evenly(np.arange(1000), np.linspace(0, 1, 1001), 500), np.arange(1000).reshape(-1, 2).sum(1)
    )


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "aim", None)
    with pytest.raises(MissingExtraError, match=r'needs aim: pip install "selfscope\[aim\]"'):
        Visualizer(vis_backends={"type": "AimVisBackend"}, save_dir=tmp_path)


class Repository:
    """What Aim's own reader finds in a repository, once it is indexed as `aim up` would do."""

    def __init__(self, folder: Path) -> None:
        from aim import Repo
        from aim.sdk.index_manager import RepoIndexManager

        self.folder = folder
        repo = Repo(str(folder))
        index = RepoIndexManager(repo)
        for chunk in (folder / ".aim" / "meta" / "chunks").iterdir():
            index.index(chunk.name)
        repo.container_pool.clear()
        self.runs = list(repo.iter_runs())

    def scalars(self) -> dict[str, list[tuple]]:
        found: dict = {}
        for run in self.runs:
            for name, context, _ in run.iter_metrics_info():
                steps, (values, *_) = run.get_metric(name, context).data.items_list()
                found.setdefault(name, []).extend(zip(steps, values, strict=True))
        return found

    def objects(self, kind: str, name: str) -> list[tuple]:
        from aim.storage.context import Context

        sequence = getattr(self.runs[0], f"get_{kind}_sequence")(name, Context({}))
        return list(zip(*sequence.values.sparse_list(), strict=True))

    def pictures(self, name: str) -> list[tuple[int, np.ndarray]]:
        return [(step, np.asarray(image.to_pil_image())) for step, image in self.objects("image", name)]

    @property
    def artifacts(self) -> Path:
        return self.folder / "aim_artifacts" / self.runs[0].hash


@needs_aim
def test_it_is_a_backend(tmp_path):
    def read_back() -> Stored:
        repository = Repository(tmp_path)
        return Stored(repository.scalars(), {"val/a picture": repository.pictures("val/a picture")})

    assert check_backend(lambda: AimVisBackend(str(tmp_path)), read_back) == frozenset()
    assert len(Repository(tmp_path).runs) == 1
    assert len(Repository(tmp_path).pictures("val/a picture")) == 2


@needs_aim
def test_every_kind_has_its_place(tmp_path, caplog):
    folder = tmp_path / "a größe 20%" / "vis_data"
    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    with Visualizer(vis_backends={"type": "AimVisBackend"}, save_dir=folder.parent) as vis:
        for step in [*range(10, 20), *range(10)]:
            vis.add_scalars({"train/loss": 1 / (step + 1), "size": step}, step)
        vis.add_scalars({"nan": float("nan"), "inf": float("-inf")}, 7)
        vis.add_image("p", PHOTO, 3, caption="words")
        vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2, "of weights"))
        vis.add_table("t", {"name": ["001", None], "value": [1, 2.5]}, 3)
        vis.add_figure("plotly", DrawnFigure({".html": b"<p>x</p>"}), 1)
        vis.add_config({"model": {"type": "MAE", "parts": [{"n": 1}]}, "betas": (0.9, 0.95), "empty": None})
        vis.add_graph("Linear(2, 3)")
        vis.write(Embedding("tsne/neck", coords, quality={"t": 0.5}, settings={"seed": np.int64(1)}, step=3))
        vis.write(Reconstruction("cat/1", {"original": PHOTO}, "MAE", metrics={"psnr": 20.5}, step=4))
        vis.write(Text("p", "the name of a picture"))
    there = Repository(folder)
    scalars = there.scalars()
    assert scalars["train/loss"] == [(step, 1 / (step + 1)) for step in range(20)]
    assert scalars["size"] == [(step, float(step)) for step in range(20)]
    assert scalars["inf"] == [(7, -np.inf)]
    assert np.isnan(scalars["nan"][0][1])
    assert (scalars["tsne/neck/t"], scalars["cat/1/psnr"]) == ([(3, 0.5)], [(4, 20.5)])
    np.testing.assert_array_equal(there.pictures("p")[0][1], PHOTO)
    assert there.objects("image", "p")[0][1].caption == "words"
    ((step, bins),) = there.objects("distribution", "h")
    assert (step, list(bins.weights), list(bins.range)) == (2, [1, 0, 4], [0.0, 1.5])
    assert there.objects("text", "h/caption")[0][1].data == "of weights"
    assert "| 001 | 1 |" in there.objects("text", "t")[0][1].data
    assert "Linear(2, 3)" in there.objects("text", "graph")[0][1].data
    assert there.runs[0].get("hparams")["model"] == {"type": "MAE", "parts": [{"n": 1}]}
    assert (there.artifacts / "figures/plotly/step_1.html").read_text() == "<p>x</p>"
    table = read_parquet(there.artifacts / "embeddings/tsne/neck/step_3.parquet")
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coords)
    assert json.loads((there.artifacts / "embeddings/tsne/neck/step_3.json").read_text())["settings"] == {"seed": 1}
    assert there.pictures("tsne/neck")[0][0] == 3
    assert (there.runs[0].name, there.runs[0].experiment) == ("a größe 20%", "selfscope")
    warned = [record.getMessage() for record in caplog.records if record.name.startswith("selfscope")]
    assert len(warned) == 1
    assert "'p' is not kept: Cannot log value" in warned[0]


@needs_aim
def test_files_are_refused_where_aim_would_put_them_elsewhere(tmp_path):
    backend = AimVisBackend(str(tmp_path / "run #3"))
    with pytest.raises(UnsupportedRecordError, match="run #3: choose a path without"):
        backend.write(Embedding("map", np.ones((3, 2), np.float32), quality={"t": 0.5}, step=1))
    backend.close()
    assert {path.name for path in tmp_path.iterdir()} == {"run #3"}
    assert Repository(tmp_path / "run #3").scalars() == {"map/t": [(1, 0.5)]}


@needs_aim
def test_a_name_of_two_kinds_is_refused(tmp_path):
    backend = AimVisBackend(str(tmp_path))
    backend.add_scalar("x", 1.0)
    with pytest.raises(UnsupportedRecordError, match="'x' is not kept"):
        backend.write(Picture("x", PHOTO))
    backend.close()


KILLED = """
import os, sys
from selfscope import AimVisBackend
backend = AimVisBackend(sys.argv[1])
backend.add_scalar("a", 1.0, 1)
os._exit(1)
"""


@needs_aim
def test_after_a_kill_the_run_goes_on(tmp_path):
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, str(tmp_path)], capture_output=True)
    assert done.returncode == 1, done.stderr
    backend = AimVisBackend(str(tmp_path))
    backend.add_scalar("a", 2.0, 2)
    backend.close()
    assert Repository(tmp_path).scalars() == {"a": [(1, 1.0), (2, 2.0)]}


@needs_aim
def test_a_run_that_is_gone_is_begun_anew(tmp_path, caplog):
    backend = AimVisBackend(str(tmp_path))
    backend.add_scalar("a", 1.0, 1)
    backend.close()
    known = json.loads((tmp_path / "aim_run.json").read_text())
    (tmp_path / "aim_run.json").write_text(json.dumps({**known, "run_hash": "0" * 24}))
    again = AimVisBackend(str(tmp_path))
    with caplog.at_level(logging.WARNING):
        again.add_scalar("a", 2.0, 2)
    again.close()
    assert "is gone, so a new one begins" in caplog.text
    assert len(Repository(tmp_path).runs) == 2
