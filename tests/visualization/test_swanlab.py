from __future__ import annotations

import json
import sys
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
from selfscope.visualization.backends.swanlab import SwanLabVisBackend
from selfscope.visualization.visualizer import Visualizer

pytest.importorskip("swanlab", reason="needs SwanLab: make test-trackers")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")

PHOTO = sample_photo(40, 60)
QUIET = {"probe": {"monitor": False, "requirements": False, "hardware": False}, "terminal": {"proxy_type": "none"}}


class Offline:
    """What the sessions of one offline run hold: a file of records each, and folders of media."""

    def __init__(self, folder: Path) -> None:
        from swanlab.proto.swanlab.record.v1.record_pb2 import Record
        from swanlab.sdk.internal.core_python.store import DataStoreReader

        self.runs = sorted((folder / "swanlog").glob("run-*"))
        self.records = []
        for run in self.runs:
            reader = DataStoreReader()
            reader.open(next(run.glob("*.swanlab")))
            for data in reader:
                record = Record()
                record.ParseFromString(data)
                self.records.append(record)

    def of(self, kind: str) -> list:
        return [getattr(r, kind) for r in self.records if r.WhichOneof("record_type") == kind]

    def scalars(self) -> dict[str, list[tuple]]:
        found: dict = {}
        for scalar in self.of("scalar"):
            found.setdefault(scalar.key, []).append((scalar.step, scalar.value.number))
        return found

    def media(self, key: str) -> list[tuple]:
        """`(step, caption, path)` of each item."""
        found = []
        for media in self.of("media"):
            for item in media.value.items if media.key == key else ():
                (path,) = (path for run in self.runs for path in (run / "media").rglob(item.filename))
                found.append((media.step, item.caption, path))
        return found

    def pictures(self, key: str) -> list[tuple[int, np.ndarray]]:
        return [(step, np.asarray(Image.open(path).convert("RGB"))) for step, _, path in self.media(key)]


def backend_dict() -> dict:
    import swanlab

    return {"type": "SwanLabVisBackend", "init_kwargs": {"mode": "offline", "settings": swanlab.Settings(**QUIET)}}


@pytest.fixture
def run(tmp_path):
    with Visualizer(vis_backends=backend_dict(), save_dir=tmp_path) as vis:
        yield vis, lambda: (vis.close(), Offline(tmp_path / "vis_data"))[1]


def test_it_is_a_backend(tmp_path):
    def read_back() -> Stored:
        offline = Offline(tmp_path)
        return Stored(offline.scalars(), {"val/a picture": offline.pictures("val/a picture")})

    kwargs = backend_dict()["init_kwargs"]
    assert check_backend(lambda: SwanLabVisBackend(str(tmp_path), kwargs), read_back) == frozenset()
    assert len(Offline(tmp_path).pictures("val/a picture")) == 2


def test_scalars_arrive_with_their_steps_in_any_order(run):
    vis, close = run
    for step in [*range(10, 20), *range(10)]:
        vis.add_scalars({"train/loss": 1 / (step + 1), "größe (%)": step}, step)
    vis.add_scalar("train/loss", 0.0, 3)  # a second value of one step: SwanLab keeps the first
    vis.add_scalars({"nan": float("nan"), "inf": float("-inf")}, 7)
    scalars = close().scalars()
    assert scalars["train/loss"] == [(step, 1 / (step + 1)) for step in [*range(10, 20), *range(10)]]
    assert scalars["größe (%)"][13] == (3, 3.0)
    assert scalars["inf"] == [(7, -np.inf)]
    assert np.isnan(scalars["nan"][0][1])


def test_every_picture_arrives_equal(run):
    vis, close = run
    for step in range(4):
        vis.add_image("val/p", np.roll(PHOTO, step, axis=1), step, caption="words")
    offline = close()
    stored = offline.pictures("val/p")
    assert [step for step, _ in stored] == list(range(4))
    for step, pixels in stored:
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, step, axis=1))
    assert {caption for _, caption, _ in offline.media("val/p")} == {"words"}


def test_histograms_tables_texts_and_figures(run):
    vis, close = run
    vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2))
    vis.add_table("t", {"name": ["001", None], "value": [1, np.float32(2.5)]}, 3, caption="numbers")
    vis.add_text("note", "# größe", 1)
    vis.add_figure("f", pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=30), 3)
    vis.add_figure("plotly", DrawnFigure({".html": b"<p>x</p>"}), 1)
    offline = close()
    ((step, _, path),) = offline.media("h")
    bars = json.loads(path.read_text())
    assert (step, bars["xAxis"][0]["data"]) == (2, ["0 … 0.5", "0.5 … 1", "1 … 1.5"])
    assert [bar["value"] if isinstance(bar, dict) else bar for bar in bars["series"][0]["data"]] == [1, 0, 4]
    ((step, caption, path),) = offline.media("t")
    assert (step, caption) == (3, "numbers")
    table = json.loads(path.read_text())
    assert [column["field"] for column in table["colDefs"]] == ["name", "value"]
    assert [row["value"] for row in table["rowData"]] == [1, 2.5]
    assert table["rowData"][0]["name"] == "001"
    ((_, _, path),) = offline.media("note")
    assert path.read_text(encoding="utf-8") == "# größe"
    assert offline.pictures("f")[0][1].shape == (30, 60, 3)
    assert offline.media("plotly")[0][2].read_text() == "<p>x</p>"


def test_configs_and_graphs(run):
    vis, close = run
    vis.add_config({"model": {"type": "MAE"}, "betas": (0.9, 0.95)})
    vis.add_graph(torch.nn.Linear(2, 3))
    offline = close()
    config = (offline.runs[0] / "files" / "config.yaml").read_text()
    assert "type: MAE" in config
    assert "- 0.95" in config
    assert "Linear(in_features=2" in offline.media("graph")[0][2].read_text()


def test_a_map_is_files_and_a_picture(run):
    vis, close = run
    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    settings = {"perplexity": np.float32(30)}
    vis.write(Embedding("tsne/neck", coords, np.arange(9) % 2, quality={"t": 0.5}, settings=settings, step=3))
    offline = close()
    stored = {save.name for save in offline.of("save")}
    assert stored >= {"embeddings/tsne/neck/step_3.parquet", "embeddings/tsne/neck/step_3.json"}
    table = read_parquet(offline.runs[0] / "files" / "embeddings/tsne/neck/step_3.parquet")
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coords)
    facts = json.loads((offline.runs[0] / "files" / "embeddings/tsne/neck/step_3.json").read_text())
    assert facts["settings"] == {"perplexity": 30.0}
    assert offline.pictures("tsne/neck")[0][0] == 3
    assert offline.scalars()["tsne/neck/t"] == [(3, 0.5)]


def test_reconstructions_are_pictures_and_numbers(run):
    vis, close = run
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), PHOTO)
    vis.write(Reconstruction("cat/1", panels, "MAE", ("untrained",), {"psnr": 20.5}, step=4))
    offline = close()
    assert offline.scalars()["cat/1/psnr"] == [(4, 20.5)]
    assert offline.pictures("cat/1")[0][0] == 4


def test_a_later_session_continues_the_run(tmp_path):
    ids = []
    for step in range(2):
        with Visualizer(vis_backends=backend_dict(), save_dir=tmp_path) as vis:
            vis.add_scalar("a", 1.0, step)
            ids.append(vis.get_backend("SwanLabVisBackend").experiment.id)
    offline = Offline(tmp_path / "vis_data")
    assert {start.id for start in offline.of("start")} == set(ids)
    assert ids[0] == ids[1]
    assert offline.scalars()["a"] == [(0, 1.0), (1, 1.0)]


def test_without_credentials_it_is_offline(tmp_path, monkeypatch, caplog):
    import swanlab

    for name in ("SWANLAB_MODE", "SWANLAB_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    if swanlab.Settings().api_key is not None:
        pytest.skip("someone is logged in to SwanLab here")
    kwargs = {"settings": swanlab.Settings(**QUIET)}
    backend = SwanLabVisBackend(str(tmp_path), kwargs)
    backend.add_scalar("a", 1.0, 0)
    assert backend.experiment.mode == "offline"
    backend.close()
    assert "not logged in, so the run is kept in" in caplog.text
    assert Offline(tmp_path).scalars() == {"a": [(0, 1.0)]}


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "swanlab", None)
    with pytest.raises(MissingExtraError, match=r'needs swanlab: pip install "selfscope\[swanlab\]"'):
        Visualizer(vis_backends={"type": "SwanLabVisBackend"}, save_dir=tmp_path)
