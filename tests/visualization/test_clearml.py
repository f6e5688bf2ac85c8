from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest
from PIL import Image

from selfscope.draw.show import sample_photo
from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Histogram
from selfscope.store.figures import DrawnFigure
from selfscope.visualization.backends.check import Stored, check_backend
from selfscope.visualization.backends.clearml import ClearMLVisBackend
from selfscope.visualization.visualizer import Visualizer

PHOTO = sample_photo(40, 60)


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "clearml", None)
    with pytest.raises(MissingExtraError, match=r'needs clearml: pip install "selfscope\[clearml\]"'):
        Visualizer(vis_backends={"type": "ClearMLVisBackend"}, save_dir=tmp_path)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Where offline sessions are kept; nobody is logged in."""
    pytest.importorskip("clearml", reason="needs ClearML: make test-trackers")
    for name in ("CLEARML_API_ACCESS_KEY", "CLEARML_OFFLINE_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLEARML_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("CLEARML_CONFIG_FILE", str(tmp_path / "none.conf"))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path / "cache" / "offline"


class Sessions:
    """What the archives of offline sessions hold."""

    def __init__(self, folder: Path) -> None:
        self.tasks, self.events, self.pixels = [], [], {}
        self.files: dict[str, bytes] = {}
        for path in sorted(folder.glob("*.zip"), key=lambda path: path.stat().st_mtime):
            with ZipFile(path) as archive:
                self.tasks.append(json.loads(archive.read("task.json")))
                for line in archive.read("metrics.jsonl").decode().splitlines():
                    self.events += json.loads(line)
                self.files.update({name: archive.read(name) for name in archive.namelist()})

    def of(self, kind: str, metric: str | None = None) -> list[dict]:
        return [e for e in self.events if e["type"] == kind and metric in (None, e["metric"])]

    def scalars(self) -> dict[str, list[tuple]]:
        found: dict = {}
        for event in self.of("training_stats_scalar"):
            found.setdefault(event["metric"], []).append((event["iter"], event["value"]))
        return found

    def media(self, key: str) -> list[tuple[int, bytes]]:
        return [(e["iter"], self.files[f"data/{e['key']}"]) for e in self.of("training_debug_image", key)]

    def pictures(self, key: str) -> list[tuple[int, np.ndarray]]:
        return [(step, np.asarray(Image.open(io.BytesIO(data)))) for step, data in self.media(key)]


@pytest.mark.filterwarnings("ignore")
def test_it_is_a_backend(tmp_path, cache):
    def read_back() -> Stored:
        sessions = Sessions(cache)
        return Stored(sessions.scalars(), {"val/a picture": sessions.pictures("val/a picture")})

    assert check_backend(lambda: ClearMLVisBackend(str(tmp_path / "run")), read_back) == frozenset()
    sessions = Sessions(cache)
    assert len(sessions.pictures("val/a picture")) == 2
    assert [task["name"] for task in sessions.tasks] == ["run", "run"]


@pytest.mark.filterwarnings("ignore")
def test_every_kind_has_its_place(tmp_path, cache, caplog):
    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    with Visualizer(vis_backends={"type": "ClearMLVisBackend"}, save_dir=tmp_path / "größe 20%") as vis:
        for step in [5, 3]:
            vis.add_scalars({"train/loss": 1 / step, "none": float("nan")}, step)
        for step in range(8):  # more than the five that ClearML keeps by itself
            vis.add_image("p", np.roll(PHOTO, step, axis=1), step)
        vis.add_text("note", "# größe", 1)
        vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2, "of weights"))
        vis.add_table("t", {"name": ["001", None], "value": [1, 2.5]}, 3)
        vis.add_figure("plotly", DrawnFigure({".html": b"<p>x</p>"}), 1)
        vis.add_config({"model": {"type": "MAE"}, "betas": (0.9, 0.95)})
        vis.add_graph("Linear(2, 3)")
        vis.write(Embedding("tsne/neck", coords, quality={"t": 0.5}, settings={"seed": 1}, step=3))
    sessions = Sessions(cache)
    assert sessions.scalars() == {"train/loss": [(5, 0.2), (3, 1 / 3)], "tsne/neck/t": [(3, 0.5)]}
    assert "ClearMLVisBackend: 2 times: ClearML makes 0 of a number that is not finite" in caplog.text
    stored = sessions.pictures("p")
    assert [step for step, _ in stored] == list(range(8))
    for step, pixels in stored:
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, step, axis=1))
    assert sessions.media("note") == [(1, "# größe".encode())]
    assert sessions.media("h/caption") == [(2, b"of weights")]
    assert sessions.media("plotly") == [(1, b"<p>x</p>")]
    assert sessions.media("graph") == [(0, b"Linear(2, 3)")]
    (bars,) = sessions.of("plot", "h")
    drawn = json.loads(bars["plot_str"])["data"][0]
    assert (bars["iter"], drawn["y"], drawn["x"]) == (2, [1, 0, 4], ["0 … 0.5", "0.5 … 1", "1 … 1.5"])
    (table,) = sessions.of("plot", "t")
    assert json.loads(table["plot_str"])["data"][0]["cells"]["values"] == [["001", None], [1, 2.5]]
    (task,) = sessions.tasks
    assert "MAE" in json.dumps(task["configuration"])
    (artifact,) = task["execution"]["artifacts"]
    assert artifact["key"] == "tsne-neck-3"
    assert "is kept in" in caplog.text


@pytest.mark.filterwarnings("ignore")
def test_a_task_of_the_program_is_used_and_left_open(tmp_path, cache):
    from clearml import Task

    Task.set_offline(True)
    frameworks = {"detect_repository": False, "matplotlib": False}
    task = Task.init("mine", "first", auto_connect_frameworks=frameworks, auto_connect_streams=False)
    backend = ClearMLVisBackend(str(tmp_path / "run"))
    backend.add_scalar("a", 1.0, 3)
    assert backend.experiment is task
    backend.close()
    task.get_logger().report_scalar("b", "b", 2.0, 4)
    task.close()
    assert Sessions(cache).scalars() == {"a": [(3, 1.0)], "b": [(4, 2.0)]}
