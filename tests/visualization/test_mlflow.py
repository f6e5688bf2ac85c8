from __future__ import annotations

import json
import math
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
from selfscope.records import Embedding, Histogram, Picture, Reconstruction
from selfscope.store.figures import DrawnFigure
from selfscope.store.tables import read_parquet
from selfscope.visualization.backends.check import Stored, check_backend
from selfscope.visualization.backends.mlflow import MLflowVisBackend
from selfscope.visualization.visualizer import Visualizer

pytestmark = [
    pytest.mark.skipif(find_spec("mlflow") is None, reason="needs MLflow: make test-trackers"),
    pytest.mark.filterwarnings("ignore"),  # what MLflow and its packages warn of
    pytest.mark.slow,  # its import and its tables take seconds
]

PHOTO = sample_photo(40, 60)


class Database:
    """What MLflow's SQLite file and its folder of artifacts hold."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mlflow.db"
        run_id = json.loads((folder / "mlflow_run.json").read_text())["run_id"]
        self.artifacts = folder / "mlartifacts" / run_id / "artifacts"

    def rows(self, query: str) -> list[tuple]:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(query).fetchall()

    def scalars(self) -> dict[str, list[tuple]]:
        found: dict = {}
        for key, step, value, is_nan in self.rows("select key, step, value, is_nan from metrics order by rowid"):
            found.setdefault(key, []).append((step, math.nan if is_nan else value))
        return found

    def pictures(self, key: str) -> list[tuple[int, np.ndarray]]:
        found = []
        for slash, mark in ("~+", "#%"):  # as MLflow names files now, and as older ones did
            files = (self.artifacts / "images").glob(f"{key.replace('/', slash)}{mark}step{mark}*.png")
            found += [(int(path.name.split(mark)[2]), np.asarray(Image.open(path))) for path in sorted(files)]
        return found


@pytest.fixture
def run(tmp_path, mlflow_tables, monkeypatch):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    folder = tmp_path / "a größe 20%" / "vis_data"
    mlflow_tables(folder)
    with Visualizer(vis_backends=[{"type": "MLflowVisBackend"}], save_dir=folder.parent) as vis:
        yield vis, lambda: (vis.close(), Database(folder))[1]


def test_it_is_a_backend(run):
    vis, close = run
    close()
    folder = Path(vis.get_backend("MLflowVisBackend")._save_dir)

    def read_back() -> Stored:
        database = Database(folder)
        return Stored(database.scalars(), {"val/a picture": database.pictures("val/a picture")})

    assert check_backend(lambda: MLflowVisBackend(str(folder)), read_back) == frozenset()
    assert len(Database(folder).pictures("val/a picture")) == 2


def test_scalars_arrive_with_step_and_time(run):
    vis, close = run
    for step in [*range(20), 5]:
        vis.add_scalars({"train/loss": 1 / (step + 1), "größe (%)": float(step)}, step)
    vis.add_scalars({"nan": float("nan"), "inf": float("-inf")}, 7)
    database = close()
    scalars = database.scalars()
    assert {step for step, _ in scalars["train/loss"]} == set(range(20))
    assert dict(scalars["train/loss"]) == {step: 1 / (step + 1) for step in range(20)}
    (refused,) = (tag for tag in scalars if tag.startswith("größe"))
    assert refused.startswith("größe ___-")
    assert scalars["inf"] == [(7, -sys.float_info.max)]
    assert math.isnan(scalars["nan"][0][1])
    times = [when for (when,) in database.rows("select timestamp from metrics")]
    assert 0 <= max(times) - min(times) < 60_000


def test_every_picture_arrives_equal(run):
    vis, close = run
    for step in range(4):
        vis.add_image("val/p", np.roll(PHOTO, step, axis=1), step, caption="words")
    vis.add_image("ä", PHOTO)
    vis.add_image("thin", np.zeros((1, 999, 3), np.uint8), 1)
    database = close()
    stored = database.pictures("val/p")
    assert [step for step, _ in stored] == list(range(4))
    for step, pixels in stored:
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, step, axis=1))
    assert (database.artifacts / "captions/val/p/step_3.txt").read_text() == "words"
    assert len(list((database.artifacts / "images").glob("_-*.png"))) == 1
    assert np.asarray(Image.open(database.artifacts / "images/thin/step_1.png")).shape == (1, 999, 3)


def test_tables_texts_histograms_and_figures(run):
    vis, close = run
    vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2))
    vis.add_table("t", {"name": ["001", None], "value": [1, 2.5]}, 3, caption="numbers")
    for text in ("# größe", "more"):
        vis.add_text("note", text, 1)
    vis.add_figure("f", pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=30), 3)
    database = close()
    folder = database.artifacts
    histogram = json.loads((folder / "histograms/h/step_2.json").read_text())
    assert histogram == {"counts": [1, 0, 4], "edges": [0.0, 0.5, 1.0, 1.5], "caption": ""}
    table = json.loads((folder / "tables/t/step_3.json").read_text())
    assert table == {"columns": ["name", "value"], "data": [["001", 1.0], [None, 2.5]]}
    ((listed,),) = database.rows("select value from tags where key = 'mlflow.loggedArtifacts'")
    assert json.loads(listed) == [{"path": "tables/t/step_3.json", "type": "table"}]
    assert (folder / "captions/t/step_3.txt").read_text() == "numbers"
    assert (folder / "texts/note/step_1.md").read_text(encoding="utf-8") == "# größe"
    assert (folder / "texts/note/step_1-1.md").read_text() == "more"
    assert database.pictures("f")[0][1].shape == (30, 60, 3)
    assert (folder / "figures/f/step_3.svg").read_text().startswith("<?xml")


def test_a_figure_without_a_picture_is_its_page(run):
    vis, close = run
    vis.add_figure("plotly", DrawnFigure({".html": b"<p>x</p>"}), 1)
    assert (close().artifacts / "figures/plotly/step_1.html").read_text() == "<p>x</p>"


def test_tables_past_what_mlflow_can_list_are_files(run, monkeypatch):
    from selfscope.visualization.backends import mlflow as module

    monkeypatch.setattr(module, "LONGEST_TAG", 120)
    vis, close = run
    for step in range(3):
        vis.add_table("t", {"a": [step]}, step)
    database = close()
    tables = [json.loads((database.artifacts / f"tables/t/step_{i}.json").read_text()) for i in range(3)]
    assert tables == [{"columns": ["a"], "data": [[i]]} for i in range(3)]
    ((listed,),) = database.rows("select value from tags where key = 'mlflow.loggedArtifacts'")
    assert len(json.loads(listed)) == 1


def test_configs_are_params_and_a_file(run, caplog):
    vis, close = run
    vis.add_config({"model": {"type": "MAE", "parts": [{"n": 1}, {"n": 2}]}, "betas": (0.9, 0.95), "empty": ""})
    vis.add_config({"model": {"type": "SimMIM"}})
    vis.add_graph(torch.nn.Linear(2, 3))
    database = close()
    assert dict(database.rows("select key, value from params")) == {
        "model.type": "MAE",
        "model.parts.0.n": "1",
        "model.parts.1.n": "2",
        "betas": "(0.9, 0.95)",
        "empty": "",
    }
    assert "SimMIM" in (database.artifacts / "config.py").read_text()
    assert "MLflow: model.type: a param keeps its first value" in caplog.text
    assert "Linear(in_features=2" in (database.artifacts / "graph.txt").read_text()


def test_a_map_is_an_artifact_and_a_picture(run):
    vis, close = run
    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    settings = {"perplexity": np.float32(30), "size": (1, 2)}
    vis.write(Embedding("tsne/neck", coords, np.arange(9) % 2, quality={"t": 0.5}, settings=settings, step=3))
    database = close()
    table = read_parquet(database.artifacts / "embeddings/tsne/neck/step_3.parquet")
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coords)
    facts = json.loads((database.artifacts / "embeddings/tsne/neck/step_3.json").read_text())
    assert (facts["settings"], facts["quality"]) == ({"perplexity": 30.0, "size": [1, 2]}, {"t": 0.5})
    assert database.pictures("tsne/neck")[0][0] == 3
    assert database.scalars()["tsne/neck/t"] == [(3, 0.5)]


def test_reconstructions_are_pictures_and_numbers(run):
    vis, close = run
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), PHOTO)
    vis.write(Reconstruction("cat/1", panels, "MAE", ("untrained",), {"psnr": 20.5}, step=4))
    database = close()
    assert database.scalars()["cat/1/psnr"] == [(4, 20.5)]
    assert database.pictures("cat/1")[0][0] == 4


def test_the_ancestors_arguments_are_taken(tmp_path, mlflow_tables):
    work_dir, store = tmp_path / "work", tmp_path / "store.db"
    (work_dir / "logs").mkdir(parents=True)
    (work_dir / "logs" / "train.log").write_text("line")
    (work_dir / "weights.pth").write_text("no")
    mlflow_tables(tmp_path, store.name)
    backend = MLflowVisBackend(
        str(work_dir / "vis_data"),
        exp_name="mine",
        run_name="first",
        tags={"team": "a"},
        params={"seed": 3},
        tracking_uri=f"sqlite:///{store}",
        artifact_suffix=".log",
        tracked_config_keys=["lr"],
        artifact_location=(tmp_path / "elsewhere").as_uri(),
    )
    backend.add_config({"lr": 0.1, "work_dir": str(work_dir), "left_out": 1})
    run_id = backend.run_id
    backend.close()
    with closing(sqlite3.connect(store)) as connection:
        assert dict(connection.execute("select key, value from params")) == {"seed": "3", "lr": "0.1"}
        assert ("team", "a") in connection.execute("select key, value from tags").fetchall()
        assert connection.execute("select name, status from runs").fetchall() == [("first", "FINISHED")]
    artifacts = tmp_path / "elsewhere" / run_id / "artifacts"
    files = {str(path.relative_to(artifacts)) for path in artifacts.rglob("*") if path.is_file()}
    assert files == {"config.py", "logs/train.log"}


def test_a_later_session_continues_the_run_and_leaves_fluent_mlflow_alone(run, tmp_path):
    import mlflow

    vis, close = run
    vis.add_text("note", "first", 1)
    database = close()
    folder = database.path.parent
    ((status,),) = database.rows("select status from runs")
    assert status == "FINISHED"
    with Visualizer(vis_backends={"type": "MLflowVisBackend"}, save_dir=folder.parent) as again:
        again.add_text("note", "second", 1)
        backend = again.get_backend("MLflowVisBackend")
        backend.experiment.log_metric(backend.run_id, "mine", 2.0, step=3)
        assert mlflow.active_run() is None
    database = Database(folder)
    assert database.rows("select name, status from runs") == [("a größe 20%", "FINISHED")]
    assert database.scalars()["mine"] == [(3, 2.0)]
    texts = {path.name: path.read_text() for path in (database.artifacts / "texts/note").iterdir()}
    assert texts == {"step_1.md": "first", "step_1-1.md": "second"}


def test_a_run_that_is_gone_is_begun_anew(run, caplog):
    folder = run[1]().path.parent
    known = json.loads((folder / "mlflow_run.json").read_text())
    (folder / "mlflow_run.json").write_text(json.dumps({**known, "run_id": "0" * 32}))
    backend = MLflowVisBackend(str(folder))
    backend.write(Picture("p", PHOTO))
    assert backend.run_id not in (known["run_id"], "0" * 32)
    backend.close()
    assert "is gone, so a new one begins" in caplog.text


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r'needs mlflow: pip install "selfscope\[mlflow\]"'):
        Visualizer(vis_backends={"type": "MLflowVisBackend"}, save_dir=tmp_path)
