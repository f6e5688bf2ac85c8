from __future__ import annotations

import json
import logging

import numpy as np
import pytest
import torch
from PIL import Image

from selfscope.config.registry import VISBACKENDS, VISUALIZERS
from selfscope.draw.compose import grid
from selfscope.errors import ConfigError, RecordError, UsageError
from selfscope.records import Picture, Scalars
from selfscope.store.reader import open_run
from selfscope.visualization import window
from selfscope.visualization.backends.local import LocalVisBackend
from selfscope.visualization.visualizer import Visualizer, counted
from tests.visualization.fakes import Remembering

LOCAL = {"type": "LocalVisBackend"}


def noise(height: int = 12, width: int = 10, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_backends_are_named_after_their_type_or_as_told(tmp_path):
    second = {"type": "LocalVisBackend", "name": "second", "save_dir": str(tmp_path / "other")}
    with Visualizer(vis_backends=[LOCAL, second], save_dir=tmp_path / "run") as vis:
        assert list(vis._vis_backends) == ["LocalVisBackend", "second"]
        local = vis.get_backend("LocalVisBackend")
        assert isinstance(local, LocalVisBackend)
        assert local.experiment is local
        with pytest.raises(UsageError, match="no backend 'third' here, only LocalVisBackend, second"):
            vis.get_backend("third")
        vis.add_scalar("a", 1.0)
    assert (tmp_path / "run" / "vis_data" / "scalars.json").exists()
    assert (tmp_path / "other" / "scalars.json").exists()
    assert second == {"type": "LocalVisBackend", "name": "second", "save_dir": str(tmp_path / "other")}


def test_two_backends_of_one_name_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="two are named 'LocalVisBackend': give each a name"):
        Visualizer(vis_backends=[LOCAL, LOCAL], save_dir=tmp_path)
    with pytest.raises(ConfigError, match="two are named 'x'"):
        Visualizer(vis_backends=[{**LOCAL, "name": "x"}, {**LOCAL, "name": "x"}], save_dir=tmp_path)


def test_one_backend_needs_no_list(tmp_path):
    for given in (LOCAL, LocalVisBackend(str(tmp_path / "object" / "vis_data"))):
        with Visualizer(vis_backends=given, save_dir=tmp_path / "dict") as vis:
            assert list(vis._vis_backends) == ["LocalVisBackend"]
    assert (tmp_path / "object" / "run.json").exists()


def test_a_local_backend_without_a_folder_is_left_out_with_a_warning():
    with pytest.warns(UserWarning, match="LocalVisBackend keeps nothing: it needs a save_dir"):
        vis = Visualizer(vis_backends=[LOCAL])
    assert vis._vis_backends == {}
    vis.add_scalar("a", 1.0)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([{"type": "LocalVisBackends"}], "unknown visbackend 'LocalVisBackends'.*'LocalVisBackend'"),
        ([{"save_dir": "x"}], r"expected dict\(type=…\) that names a visbackend"),
        ([{**LOCAL, "save_folder": "x", "save_dir": "x"}], "takes no argument 'save_folder'"),
        ([object()], "expected .* objects of BaseVisBackend, got object"),
    ],
)
def test_wrong_backends_are_one_sentence(given, sentence):
    with pytest.raises(ConfigError, match=sentence):
        Visualizer(vis_backends=given)


def test_a_registered_backend_and_visualizer_are_built_by_name(tmp_path):
    class Mine(Remembering):
        def __init__(self, save_dir, colour="red"):
            super().__init__()
            self.save_dir, self.colour = save_dir, colour

    class MineVisualizer(Visualizer):
        pass

    VISBACKENDS.register(Mine, name="MineBackend")
    VISUALIZERS.register(MineVisualizer, name="MineVisualizer")
    config = {"type": "MineVisualizer", "vis_backends": [{"type": "MineBackend", "colour": "blue"}], "name": "v"}
    with VISUALIZERS.build(config, save_dir=str(tmp_path)) as vis:
        backend = vis.get_backend("Mine")
        assert (backend.save_dir, backend.colour) == (str(tmp_path / "vis_data"), "blue")
        assert isinstance(vis, MineVisualizer)
        assert vis.instance_name == "v"


def test_numbers_of_every_kind_arrive_as_plain_numbers(tmp_path):
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        vis.add_scalars(
            {
                "float": 0.5,
                "int": 3,
                "bool": True,
                "numpy": np.float32(0.25),
                "array": np.array([2.0]),
                "0-d": torch.tensor(1.5),
                "1-element": torch.tensor([[2.5]]),
                "grad": torch.tensor(3.5, requires_grad=True),
                "bf16": torch.tensor(4.5, dtype=torch.bfloat16),
                "nan": torch.tensor(float("nan")),
                "a/b ü": -float("inf"),
            },
            step=7,
        )
        vis.add_scalar("one", torch.tensor(9), step=8)
    line = json.loads((tmp_path / "vis_data/scalars.json").read_text().splitlines()[0])
    del line["_t"]
    assert line == {
        "step": 7,
        "float": 0.5,
        "int": 3,
        "bool": 1.0,
        "numpy": 0.25,
        "array": 2.0,
        "0-d": 1.5,
        "1-element": 2.5,
        "grad": 3.5,
        "bf16": 4.5,
        "nan": "NaN",
        "a/b ü": "-Infinity",
    }


@pytest.mark.parametrize("value", [torch.ones(2), np.ones(2), [1, 2], "x", None])
def test_what_is_not_one_number_is_refused(value):
    with pytest.raises(RecordError, match="scalar 'a': expected one number, got"):
        Visualizer().add_scalar("a", value)


def test_a_scalar_also_goes_to_a_second_file(tmp_path):
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        vis.add_scalars({"a": 1.0}, 2, file_path="log.json")
    assert json.loads((tmp_path / "vis_data/log.json").read_text())["a"] == 1.0


PICTURE = noise()
IMAGES = {
    "uint8": PICTURE,
    "tensor": torch.from_numpy(PICTURE),
    "channels first": torch.from_numpy(PICTURE).permute(2, 0, 1),
    "not contiguous": np.repeat(PICTURE, 2, axis=1)[:, ::2],
    "reversed": PICTURE[::-1].copy()[::-1],
    "float": PICTURE / 255,
    "float tensor": torch.from_numpy(PICTURE / 255).float().requires_grad_(),
    "int64": PICTURE.astype(np.int64),
    "pillow": Image.fromarray(PICTURE),
    "read-only": np.frombuffer(PICTURE.tobytes(), np.uint8).reshape(PICTURE.shape),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_of_every_form_become_the_same_picture(kind):
    fake = Remembering()
    with Visualizer(vis_backends=fake) as vis:
        vis.add_image("a/b", IMAGES[kind], 3, caption="words")
    (record,) = fake.records
    np.testing.assert_array_equal(record.pixels, PICTURE)
    assert (record.key, record.step, record.caption) == ("a/b", 3, "words")


def test_grey_and_bool_images_and_batches():
    fake = Remembering()
    batch = torch.from_numpy(np.stack([noise(seed=i) for i in range(3)])).permute(0, 3, 1, 2)
    with Visualizer(vis_backends=fake) as vis:
        vis.add_image("grey", PICTURE[..., 0])
        vis.add_image("bool", PICTURE[..., 0] > 127)
        vis.add_image("batch", batch)
    grey, boolean, several = (record.pixels for record in fake.records)
    np.testing.assert_array_equal(grey, np.repeat(PICTURE[..., :1], 3, axis=2))
    np.testing.assert_array_equal(boolean, np.where(PICTURE[..., :1] > 127, 255, 0).repeat(3, axis=2))
    np.testing.assert_array_equal(several, grid([noise(seed=i) for i in range(3)], gap=2))


@pytest.mark.parametrize(
    ("image", "sentence"),
    [
        (np.full((4, 4, 3), 3.7), "p: expected floats in"),
        (np.full((4, 4, 3), np.nan), "p: 48 of 48 values are NaN"),
        (np.zeros((5, 5, 7), np.uint8), "p: expected"),
        (np.zeros((0, 4, 3), np.uint8), "p: expected at least one pixel"),
        (np.full((2, 4, 4, 3), 2.0), r"p\[0\]: expected floats"),
        (None, "p: expected numbers"),
    ],
)
def test_images_by_no_rule_are_refused_and_named(image, sentence):
    with pytest.raises(RecordError, match=sentence):
        Visualizer(vis_backends=Remembering()).add_image("p", image)


def test_every_kind_of_record_reaches_the_run(tmp_path):
    plot = pytest.importorskip("matplotlib.figure").Figure()
    with Visualizer(vis_backends=LOCAL, save_dir=tmp_path) as vis:
        vis.add_config({"model": {"type": "MAE"}, "lr": 1e-3})
        vis.add_graph(torch.nn.Linear(2, 3))
        vis.add_figure("f", plot, 1, caption="c")
        vis.add_histogram("h", torch.arange(10.0), 1, bins=5)
        vis.add_embedding("e", torch.rand(4, 2), labels=np.arange(4))
        vis.add_table("t", {"a": [1, 2]})
        vis.add_text("n", "words")
        vis.write(Picture("p", PICTURE))
        vis.write(Scalars({"s": 1.0}))
    run = open_run(tmp_path)
    kinds = "config graph figure histogram embedding table text picture"
    assert [entry.kind for entry in run.media()] == kinds.split()
    assert run.config == {"model": {"type": "MAE"}, "lr": 1e-3}
    assert run.media("graph")[0].load().text == "Linear(in_features=2, out_features=3, bias=True)"
    np.testing.assert_array_equal(run.histograms[0].load().counts, [2, 2, 2, 2, 2])


def test_figures_are_drawn_at_once():
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(1, 1), dpi=40)
    figure.set_facecolor("red")
    fake = Remembering()
    with Visualizer(vis_backends=fake) as vis:
        vis.add_figure("f", figure)
        figure.set_facecolor("blue")
    assert fake.records[0].figure.picture()[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    "values",
    [
        [1.0, np.nextafter(1.0, 2.0)],
        [1e20, 1e20],
        [-1e308, 0.0, 1e308],
        [1.7e308, 1.7e308],
        [0.0, 5e-324],
        [3.0, 3.0],
        [0.0, 0.1, 0.5, 1.0],
    ],
)
def test_histograms_have_bins_of_some_width_whatever_the_values(values):
    counts, edges = counted(np.array(values), 64)
    assert (counts.sum(), counts.shape, edges.shape) == (len(values), (64,), (65,))
    assert (edges[1:] > edges[:-1]).all()
    assert np.isfinite(edges).all()
    if values in ([3.0, 3.0], [0.0, 0.1, 0.5, 1.0]):
        expected = np.histogram(values, 64)
        np.testing.assert_array_equal(counts, expected[0])
        np.testing.assert_array_equal(edges, expected[1])


def test_histograms_count_what_is_finite():
    fake = Remembering()
    with Visualizer(vis_backends=fake) as vis:
        vis.add_histogram("h", [0.0, 1.0, float("nan"), float("inf"), 1.0], bins=2, caption="weights")
        with pytest.raises(RecordError, match="h: expected at least one finite value, got 1 values"):
            vis.add_histogram("h", [float("nan")])
    (record,) = fake.records
    np.testing.assert_array_equal(record.counts, [1, 2])
    assert record.caption == "weights (2 of 5 values not finite)"


def test_instances_are_found_by_name():
    class Sub(Visualizer):
        pass

    first = Sub.get_instance("test one")
    assert Visualizer.get_instance("test one") is first
    assert Visualizer.get_current_instance() is first
    second = Visualizer.get_instance("test two")
    assert Sub.get_current_instance() is second
    with pytest.warns(UserWarning, match="'test two' exists already"):
        Visualizer.get_instance("test two", image=PICTURE)
    second.close()
    assert Visualizer.get_instance("test two") is not second
    assert Visualizer.check_instance_created("test one")


def test_dataset_meta_is_the_users():
    vis = Visualizer()
    vis.dataset_meta = {"classes": ("a",)}
    assert vis.dataset_meta == {"classes": ("a",)}


def test_only_rank_zero_writes(tmp_path, monkeypatch):
    monkeypatch.setattr("selfscope.visualization.ranks.environment_rank", lambda: 1)
    vis = Visualizer(vis_backends=LOCAL, save_dir=tmp_path, image=PICTURE)
    vis.add_scalar("a", 1.0)
    vis.add_image("p", PICTURE)
    assert vis.get_image() is None
    vis.close()
    assert list(tmp_path.iterdir()) == []


def test_show_without_a_display_stores_and_says_so(monkeypatch, caplog):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    window.display_missing.cache_clear()
    fake = Remembering()
    with Visualizer(vis_backends=fake, image=PICTURE) as vis:
        vis.draw_bboxes(np.array([1, 1, 5, 5]))
        vis.show(win_name="boxes", step=4)
        drawn = vis.get_image()
    window.display_missing.cache_clear()
    assert "boxes: not shown, since there is no display" in caplog.text
    assert (fake.records[0].key, fake.records[0].step) == ("boxes", 4)
    np.testing.assert_array_equal(fake.records[0].pixels, drawn)


def test_show_names_the_windows_that_there_are():
    with pytest.raises(UsageError, match="expected backend of 'matplotlib' or 'cv2', got 'unknown'"):
        Visualizer(image=PICTURE).show(backend="unknown")


def test_add_datasample_is_for_subclasses():
    with pytest.raises(NotImplementedError, match="Visualizer does not define add_datasample"):
        Visualizer().add_datasample("a", PICTURE)


def test_matplotlib_settings_of_old_configs_are_accepted(caplog):
    caplog.set_level(logging.INFO)
    Visualizer("v", PICTURE, None, None, {"frameon": False}, {"frameon": False})
    assert "nothing is drawn by matplotlib here" in caplog.text
