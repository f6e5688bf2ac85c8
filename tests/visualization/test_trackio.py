from __future__ import annotations

import json
import os
import sqlite3
import sys
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.draw.show import sample_photo
from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Histogram, Reconstruction
from selfscope.store.figures import DrawnFigure
from selfscope.store.tables import read_parquet
from selfscope.visualization.backends.check import Stored, check_backend
from selfscope.visualization.backends.trackio import TrackioVisBackend
from selfscope.visualization.visualizer import Visualizer

if find_spec("trackio") is None:
    pytest.skip("needs Trackio: make test-trackers", allow_module_level=True)

HOME = Path(os.environ["TRACKIO_DIR"])

PHOTO = sample_photo(40, 60)


class Project:
    """What Trackio's SQLite file of one project and its folder of media hold."""

    def __init__(self, name: str) -> None:
        self.path, self.media = HOME / f"{name}.db", HOME / "media"
        rows = self.rows("select step, metrics from metrics order by id")
        self.lines = [(step, json.loads(metrics)) for step, metrics in rows]

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()

    def series(self, tag: str) -> list[tuple]:
        return [(step, values[tag]) for step, values in self.lines if tag in values]

    def scalars(self) -> dict[str, list[tuple]]:
        tags = {tag for _, values in self.lines for tag, value in values.items() if isinstance(value, (int, float))}
        return {tag: self.series(tag) for tag in tags}

    def pictures(self, key: str) -> list[tuple[int, np.ndarray]]:
        return [(step, np.asarray(Image.open(self.media / value["file_path"]))) for step, value in self.series(key)]

    def configs(self) -> list[dict]:
        return [json.loads(config) for (config,) in self.rows("select config from configs")]


@pytest.fixture
def run(tmp_path, request):
    name = request.node.name[:50]
    backend = {"type": "TrackioVisBackend", "init_kwargs": {"project": name, "auto_log_cpu": False}}
    with Visualizer(vis_backends=backend, save_dir=tmp_path) as vis:
        yield vis, lambda: (vis.close(), Project(name))[1]


@pytest.mark.slow
def test_it_is_a_backend(tmp_path):
    kwargs = {"project": "checked", "auto_log_cpu": False}

    def read_back() -> Stored:
        project = Project("checked")
        return Stored(project.scalars(), {"val/a picture": project.pictures("val/a picture")})

    assert check_backend(lambda: TrackioVisBackend(str(tmp_path), kwargs), read_back) == frozenset()
    assert len(Project("checked").pictures("val/a picture")) == 2


def test_scalars_arrive_with_their_steps_in_any_order(run):
    vis, close = run
    for step in [*range(20), 5]:
        vis.add_scalars({"train/loss": 1 / (step + 1), "größe (%)": step}, step)
    vis.add_scalars({"nan": float("nan"), "inf": float("-inf"), "time": 2.0, "time_": 3.0, "__x": 4.0}, 7)
    project = close()
    assert project.series("train/loss") == [(step, 1 / (step + 1)) for step in [*range(20), 5]]
    assert project.series("größe (%)")[3] == (3, 3)
    assert project.lines[-1] == (7, {"nan": "NaN", "inf": "-Infinity", "time__": 2.0, "time_": 3.0, "x_": 4.0})


def test_every_picture_arrives_equal(run):
    vis, close = run
    for step in range(4):
        vis.add_image("val/p", np.roll(PHOTO, step, axis=1), step, caption="words")
    project = close()
    stored = project.pictures("val/p")
    assert [step for step, _ in stored] == list(range(4))
    for step, pixels in stored:
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, step, axis=1))
    assert {value["caption"] for _, value in project.series("val/p")} == {"words"}


def test_histograms_tables_texts_and_figures(run):
    vis, close = run
    vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2))
    vis.add_table("t", {"name": ["001", None], "value": [1, np.float32(2.5)]}, 3, caption="numbers")
    vis.add_text("note", "# größe", 1)
    vis.add_figure("f", pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=30), 3)
    vis.add_figure("plotly", DrawnFigure({".html": b"<p>x</p>"}), 1)
    project = close()
    assert project.series("h") == [
        (2, {"_type": "trackio.histogram", "bins": [0.0, 0.5, 1.0, 1.5], "values": [1, 0, 4]})
    ]
    ((step, table),) = project.series("t")
    assert (step, table["_value"]) == (3, [{"name": "001", "value": 1}, {"name": None, "value": 2.5}])
    assert project.series("t/caption")[0][1]["_value"] == "numbers"
    assert project.series("note") == [(1, {"_type": "trackio.markdown", "_value": "# größe"})]
    assert project.pictures("f")[0][1].shape == (30, 60, 3)
    ((_, page),) = project.series("plotly")
    assert page["_type"] == "trackio.html"
    assert "<p>x</p>" in (project.media / page["file_path"]).read_text()


def test_configs_are_the_runs_and_a_text(run):
    vis, close = run
    vis.add_config({"model": {"type": "MAE"}, "betas": (0.9, 0.95), "_private": 1})
    vis.add_graph(torch.nn.Linear(2, 3))
    project = close()
    (config,) = project.configs()
    assert (config["model"], config["betas"]) == ({"type": "MAE"}, [0.9, 0.95])
    assert "model = dict(" in project.series("config")[0][1]["_value"]
    assert "_private" in project.series("config")[0][1]["_value"]
    assert "Linear(in_features=2" in project.series("graph")[0][1]["_value"]


def test_a_map_is_an_artifact_and_a_picture(run):
    vis, close = run
    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    settings = {"perplexity": np.float32(30)}
    vis.write(Embedding("tsne/neck", coords, np.arange(9) % 2, quality={"t": 0.5}, settings=settings, step=3))
    project = close()
    ((name, metadata),) = project.rows(
        "select artifacts.name, metadata from artifact_versions join artifacts on artifacts.id = artifact_id"
    )
    assert (name, json.loads(metadata)["settings"]) == ("embedding-tsne-neck", {"perplexity": 30.0})
    blobs = (HOME / "artifacts" / project.path.stem).rglob("*")
    (blob,) = (path for path in blobs if path.is_file() and path.read_bytes()[:4] == b"PAR1")
    table = read_parquet(blob)
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coords)
    assert project.pictures("tsne/neck")[0][0] == 3
    assert project.series("tsne/neck/t") == [(3, 0.5)]


def test_reconstructions_are_pictures_and_numbers(run):
    vis, close = run
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), PHOTO)
    vis.write(Reconstruction("cat/1", panels, "MAE", ("untrained",), {"psnr": 20.5}, step=4))
    project = close()
    assert project.series("cat/1/psnr") == [(4, 20.5)]
    assert project.pictures("cat/1")[0][0] == 4


def test_a_later_session_continues_the_run_and_keeps_its_config(tmp_path):
    backend = {"type": "TrackioVisBackend", "init_kwargs": {"project": "resumed", "auto_log_cpu": False}}
    for step in range(2):
        with Visualizer(vis_backends=backend, save_dir=tmp_path) as vis:
            if step == 0:
                vis.add_config({"lr": 0.1})
            vis.add_scalar("a", 1.0, step)
    project = Project("resumed")
    assert project.series("a") == [(0, 1.0), (1, 1.0)]
    assert len(project.rows("select distinct run_id from metrics")) == 1
    assert [config["lr"] for config in project.configs()] == [0.1]


def test_a_run_of_the_callers_own_goes_on(tmp_path):
    import trackio

    trackio.init(project="theirs", auto_log_cpu=False, embed=False)
    backend = TrackioVisBackend(str(tmp_path), {"project": "ours", "auto_log_cpu": False})
    backend.add_scalar("a", 1.0, 0)
    trackio.log({"b": 2.0}, step=3)
    backend.experiment.log({"mine": 3.0}, step=1)
    backend.close()
    trackio.finish()
    assert Project("theirs").lines == [(3, {"b": 2.0})]
    assert Project("ours").lines == [(0, {"a": 1.0}), (1, {"mine": 3.0})]


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "trackio", None)
    with pytest.raises(MissingExtraError, match=r'needs trackio: pip install "selfscope\[trackio\]"'):
        Visualizer(vis_backends={"type": "TrackioVisBackend"}, save_dir=tmp_path)
