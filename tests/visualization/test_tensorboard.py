from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.draw.show import sample_photo
from selfscope.errors import MissingExtraError
from selfscope.records import Embedding, Histogram, Picture, Reconstruction
from selfscope.visualization.backends.tensorboard import TensorboardVisBackend
from selfscope.visualization.visualizer import Visualizer

pytest.importorskip("tensorboard")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of tensorboard's own modules

PHOTO = sample_photo(40, 60)


def read(folder: Path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    everything = dict.fromkeys(("scalars", "images", "histograms", "tensors", "compressedHistograms"), 0)
    events = EventAccumulator(str(folder), size_guidance=everything)
    events.Reload()
    return events


def text_of(events, tag: str) -> str:
    return events.Tensors(f"{tag}/text_summary")[0].tensor_proto.string_val[0].decode()


@pytest.fixture
def run(tmp_path):
    backends = [{"type": "TensorboardVisBackend"}]
    with Visualizer(vis_backends=backends, save_dir=tmp_path) as vis:
        yield vis, lambda: (vis.close(), read(tmp_path / "vis_data"))[1]


def test_scalars_arrive_with_step_and_time(run):
    vis, close = run
    for step in range(50):
        vis.add_scalars({"train/loss": 1 / (step + 1), "a b": float(step)}, step)
    vis.add_scalar("nan", float("nan"), 7)
    events = close()
    assert [event.step for event in events.Scalars("train/loss")] == list(range(50))
    np.testing.assert_allclose([e.value for e in events.Scalars("train/loss")], [1 / (i + 1) for i in range(50)])
    assert len(events.Scalars("a b")) == 50
    assert np.isnan(events.Scalars("nan")[0].value)


def test_every_picture_arrives_equal(run):
    vis, close = run
    for step in range(12):
        vis.add_image("val/p", np.roll(PHOTO, step, axis=1), step, caption="words")
    events = close()
    stored = events.Images("val/p")
    assert [event.step for event in stored] == list(range(12))
    for step, event in enumerate(stored):
        pixels = np.asarray(Image.open(io.BytesIO(event.encoded_image_string)))
        np.testing.assert_array_equal(pixels, np.roll(PHOTO, step, axis=1))
    assert text_of(events, "val/p/caption") == "words"


def test_histograms_keep_counts_and_edges(run):
    vis, close = run
    vis.write(Histogram("h", np.array([1, 0, 4]), np.array([0.0, 0.5, 1.0, 1.5]), 2, "3 of 8 values not finite"))
    events = close()
    (event,) = events.Histograms("h")
    assert text_of(events, "h/caption") == "3 of 8 values not finite"
    histogram = event.histogram_value
    assert (event.step, histogram.min, histogram.max, histogram.num) == (2, 0.0, 1.5, 5.0)
    assert dict(zip(histogram.bucket_limit, histogram.bucket, strict=True)) == {0.5: 1.0, 1.0: 0.0, 1.5: 4.0}


def test_texts_tables_configs_and_figures(run):
    vis, close = run
    vis.add_text("note", "# words", 1)
    vis.add_table("t", {"name": ["a|b", "c"], "value": [1, 2.5]}, caption="numbers")
    vis.add_config({"lr": 0.1})
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=30)
    vis.add_figure("f", figure, 3)
    events = close()
    assert text_of(events, "note") == "# words"
    assert text_of(events, "t") == "numbers\n\n| name | value |\n| --- | --- |\n| a\\|b | 1 |\n| c | 2.5 |"
    assert text_of(events, "config") == "```python\nlr = 0.1\n\n```"
    assert (events.Images("f")[0].width, events.Images("f")[0].height) == (60, 30)


def test_graphs_are_traced_where_they_can_be(run, caplog):
    vis, close = run
    vis.add_graph(torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.ReLU()), torch.zeros(1, 2))
    vis.add_graph(torch.nn.Linear(4, 5))
    vis.add_graph(torch.nn.Linear(4, 5), torch.zeros(1, 9))
    events = close()
    assert any("Linear" in node.name for node in events.Graph().node)
    assert "Linear(in_features=2, out_features=3" in text_of(events, "graph")
    assert "TensorboardVisBackend: graph not prepared: RuntimeError" in caplog.text


def test_maps_go_to_the_projector_and_are_shown(run, tmp_path):
    vis, close = run
    rng = np.random.default_rng(0)
    coords, features = rng.normal(size=(9, 2)).astype(np.float32), rng.normal(size=(9, 4)).astype(np.float32)
    vis.write(
        Embedding("tsne/neck", coords, np.arange(9) % 2, ("cat", "dog"), quality={"t": 0.5}, features={"f": features})
    )
    events = close()
    assert (events.Images("tsne/neck")[0].width > 50, events.Scalars("tsne/neck/t")[0].value) == (True, 0.5)
    (folder,) = (path.parent for path in (tmp_path / "vis_data").rglob("tensors.tsv"))
    np.testing.assert_allclose(np.loadtxt(folder / "tensors.tsv"), features, rtol=1e-5)
    assert (folder / "metadata.tsv").read_text().split() == ["cat", "dog"] * 4 + ["cat"]


def test_reconstructions_are_pictures_and_numbers(run):
    vis, close = run
    panels = dict.fromkeys(("original", "masked", "reconstruction", "pasted"), PHOTO)
    vis.write(Reconstruction("cat/1", panels, "MAE", ("untrained",), {"psnr": 20.5}, step=4))
    events = close()
    assert events.Images("cat/1")[0].step == 4
    assert events.Scalars("cat/1/psnr")[0].value == 20.5


def test_the_same_run_is_continued(tmp_path):
    for step in range(2):
        with Visualizer(vis_backends={"type": "TensorboardVisBackend"}, save_dir=tmp_path) as vis:
            vis.add_scalar("a", 1.0, step)
    assert {event.step for event in read(tmp_path / "vis_data").Scalars("a")} == {0, 1}


def test_experiment_is_the_summary_writer(tmp_path):
    backend = TensorboardVisBackend(str(tmp_path))
    backend.experiment.add_scalar("mine", 2.0, 3)
    backend.write(Picture("p", PHOTO))
    backend.close()
    assert read(tmp_path).Scalars("mine")[0].value == 2.0


def test_without_the_package_the_command_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingExtraError, match=r'needs tensorboard: pip install "selfscope\[tensorboard\]"'):
        Visualizer(vis_backends={"type": "TensorboardVisBackend"}, save_dir=tmp_path)
