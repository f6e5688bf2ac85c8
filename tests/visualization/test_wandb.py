from __future__ import annotations

import json
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.draw.show import sample_photo
from selfscope.errors import MissingExtraError, UsageError
from selfscope.records import Embedding, Figure, Histogram, Reconstruction
from selfscope.store.figures import DrawnFigure
from selfscope.store.tables import read_parquet
from selfscope.visualization.backends.wandb import WandbVisBackend
from selfscope.visualization.visualizer import Visualizer

pytest.importorskip("wandb")
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning"),
    pytest.mark.slow,  # it starts a service of its own
]

PHOTO = sample_photo(40, 60)
OFFLINE = {"type": "WandbVisBackend", "init_kwargs": {"mode": "offline", "project": "tests"}}


def records_of(path: Path) -> list:
    """The protobuf records of an offline run: LevelDB's log format, 7 bytes of W&B's own in front."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, found, parts, at = path.read_bytes(), [], b"", 7
    while at + 7 <= len(data):
        room = 32768 - at % 32768
        if room < 7:
            at += room
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        parts += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record = Record()
            record.ParseFromString(parts)
            found.append(record)
            parts = b""
    return found


def finished(path: Path) -> list:
    """W&B's own process may write on for a moment after `finish` of an offline run: the last record says `exit`."""
    until = time.monotonic() + 20
    while True:
        records = records_of(path)
        if any(record.WhichOneof("record_type") == "exit" for record in records) or time.monotonic() > until:
            return records
        time.sleep(0.05)


def nested(items) -> dict:
    values: dict = {}
    for item in items:
        *outer, last = [item.key] if item.key else item.nested_key
        at = values
        for key in outer:
            at = at.setdefault(key, {})
        at[last] = json.loads(item.value_json)
    return values


class Offline:
    """What an offline run holds."""

    def __init__(self, folder: Path) -> None:
        self.runs = sorted((folder / "wandb").glob("offline-run-*"))
        self.files = self.runs[-1] / "files"
        self.records = [r for run in self.runs for r in finished(next(run.glob("run-*.wandb")))]
        self.history = [nested(r.history.item) for r in self.records if r.WhichOneof("record_type") == "history"]

    def series(self, tag: str) -> list[tuple]:
        return [(row["step"], row[tag]) for row in self.history if tag in row]


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    with Visualizer(vis_backends=[OFFLINE], save_dir=tmp_path) as vis:
        yield vis, lambda: (vis.close(), Offline(tmp_path / "vis_data"))[1]


def test_scalars_arrive_with_their_steps_in_any_order(run):
    vis, close = run
    for step in [*range(20), 5]:
        vis.add_scalars({"train/loss": 1 / (step + 1), "a b": float(step)}, step)
    vis.add_scalar("nan", float("nan"), 7)
    offline = close()
    assert offline.series("train/loss") == [(step, 1 / (step + 1)) for step in [*range(20), 5]]
    assert offline.series("nan") == [(7, "NaN")] or np.isnan(offline.series("nan")[0][1])
    assert all(abs(row["_timestamp"] - offline.history[0]["_timestamp"]) < 60 for row in offline.history)


def test_every_picture_arrives_equal(run):
    vis, close = run
    for step in range(6):
        vis.add_image("val/p", np.roll(PHOTO, step, axis=1), step, caption="words")
    offline = close()
    stored = offline.series("val/p")
    assert [step for step, _ in stored] == list(range(6))
    for step, image in stored:
        np.testing.assert_array_equal(
            np.asarray(Image.open(offline.files / image["path"])), np.roll(PHOTO, step, axis=1)
        )
        assert image["caption"] == "words"


def test_histograms_tables_texts_and_figures(run):
    vis, close = run
    vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2))
    vis.write(Histogram("large", np.arange(1025), np.arange(1026.0)))
    vis.add_table("t", {"name": ["a", 3], "value": [1, 2.5]})
    vis.add_text("note", "# <words>", 1)
    vis.add_figure("f", pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=30), 3)
    offline = close()
    assert offline.series("h") == [(2, {"_type": "histogram", "values": [1, 0, 4], "bins": [0.0, 0.5, 1.0, 1.5]})]
    large = offline.series("large")[0][1]
    assert (sum(large["values"]), large["bins"][0], large["bins"][-1]) == (1024 * 1025 / 2, 0.0, 1025.0)
    table = json.loads((offline.files / offline.series("t")[0][1]["path"]).read_text())
    assert (table["columns"], table["data"]) == (["name", "value"], [["a", 1], [3, 2.5]])
    assert (offline.files / offline.series("note")[0][1]["path"]).read_text() == "<pre># &lt;words&gt;</pre>"
    assert (offline.series("f")[0][1]["width"], offline.series("f")[0][1]["height"]) == (60, 30)


def test_captions_of_histograms_tables_and_pages_are_kept(run):
    vis, close = run
    vis.write(Histogram("h", np.array([1]), np.array([0.0, 1.0]), 2, "3 of 4 values not finite"))
    vis.add_table("t", {"a": [1]}, 3, caption="<numbers>")
    vis.write(Figure("page", DrawnFigure({".html": b"<p>drawn</p>"}), 4, "words"))
    offline = close()

    def text(tag):
        ((step, stored),) = offline.series(tag)
        return step, (offline.files / stored["path"]).read_text()

    assert text("h/caption") == (2, "<pre>3 of 4 values not finite</pre>")
    assert text("t/caption") == (3, "<pre>&lt;numbers&gt;</pre>")
    assert text("page/caption") == (4, "<pre>words</pre>")
    assert "<p>drawn</p>" in text("page")[1]


def test_configs_and_graphs(run):
    vis, close = run
    vis.add_config({"model": {"type": "MAE"}, "lr": 0.1})
    vis.add_graph(torch.nn.Linear(2, 3))
    offline = close()
    config: dict = {}
    for record in offline.records:
        if record.WhichOneof("record_type") == "config":
            config |= nested(record.config.update)
    assert (config["model"], config["lr"]) == ({"type": "MAE"}, 0.1)
    assert "Linear(in_features=2" in (offline.files / offline.series("graph")[0][1]["path"]).read_text()


def test_a_map_is_an_artifact_and_a_picture(run):
    vis, close = run
    coords = np.random.default_rng(0).normal(size=(9, 2)).astype(np.float32)
    vis.write(Embedding("tsne/neck", coords, np.arange(9) % 2, ("cat", "dog"), quality={"t": 0.5}))
    offline = close()
    (artifact,) = [r.request.log_artifact.artifact for r in offline.records if r.request.HasField("log_artifact")] or [
        r.artifact for r in offline.records if r.WhichOneof("record_type") == "artifact"
    ]
    assert (artifact.name, artifact.type) == ("embedding-tsne-neck", "embedding")
    (entry,) = [entry for entry in artifact.manifest.contents if entry.path == "embedding.parquet"]
    table = read_parquet(Path(entry.local_path))
    np.testing.assert_array_equal(np.stack([table["x"], table["y"]], axis=1), coords)
    assert offline.series("tsne/neck")[0][1]["_type"] == "image-file"
    assert offline.series("tsne/neck/t") == [(0, 0.5)]


def test_reconstructions_are_pictures_and_numbers(run):
    vis, close = run
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), PHOTO)
    vis.write(Reconstruction("cat/1", panels, "MAE", ("untrained",), {"psnr": 20.5}, step=4))
    offline = close()
    assert offline.series("cat/1/psnr") == [(4, 20.5)]
    assert offline.series("cat/1")[0][1]["_type"] == "image-file"


def test_a_later_session_continues_the_run(tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_SILENT", "true")
    ids = []
    for step in range(2):
        with Visualizer(vis_backends=OFFLINE, save_dir=tmp_path) as vis:
            vis.add_scalar("a", 1.0, step)
            ids.append(vis.get_backend("WandbVisBackend").experiment.id)
    assert ids[0] == ids[1]
    assert Offline(tmp_path / "vis_data").series("a") == [(0, 1.0), (1, 1.0)]


def test_the_ancestors_metric_definitions_are_taken():
    assert WandbVisBackend("x", define_metric_cfg={"acc": "max"})._define_metric_cfg == {"acc": "max"}
    from selfscope.visualization.backends import wandb as module

    assert module._metrics({"acc": "max"}) == [{"name": "acc", "summary": "max"}]
    assert module._metrics([{"name": "loss", "step_metric": "epoch"}]) == [{"name": "loss", "step_metric": "epoch"}]
    with pytest.raises(UsageError, match="expected a dict or a list of dicts, got str"):
        module._metrics("acc")


def test_without_close_the_end_of_the_program_hands_over_everything(tmp_path):
    code = (
        "from selfscope import Visualizer\n"
        f"vis = Visualizer(vis_backends={OFFLINE!r}, save_dir={str(tmp_path)!r})\n"
        "for step in range(300): vis.add_scalar('loss', 1.0, step)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert len(Offline(tmp_path / "vis_data").series("loss")) == 300


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(MissingExtraError, match=r'needs wandb: pip install "selfscope\[wandb\]"'):
        Visualizer(vis_backends=OFFLINE, save_dir=tmp_path)


@pytest.mark.parametrize(("given", "expected"), [({}, False), ({"save_code": True}, True)])
def test_code_is_not_sent_unless_asked_for(tmp_path, monkeypatch, given, expected):
    import wandb

    asked = {}

    def begin(**arguments):
        asked.update(arguments)
        raise ConnectionError

    monkeypatch.setattr(wandb, "init", begin)
    monkeypatch.delenv("WANDB_SAVE_CODE", raising=False)
    with pytest.raises(ConnectionError):
        WandbVisBackend(str(tmp_path), {"mode": "offline", **given}).experiment  # noqa: B018
    assert asked["save_code"] is expected
