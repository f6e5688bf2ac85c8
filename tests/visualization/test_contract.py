from __future__ import annotations

import numpy as np
import pytest
import torch

from selfscope.records import Config, Embedding, Graph, Picture, Record, Scalars, Table, Text
from selfscope.store.encode import decode_picture
from selfscope.store.reader import open_run
from selfscope.visualization.backends.contract import BaseVisBackend, UnsupportedRecordError, force_init_env
from selfscope.visualization.backends.local import LocalVisBackend
from selfscope.visualization.backends.tensorboard import TensorboardVisBackend
from selfscope.visualization.visualizer import Visualizer

PICTURE = np.zeros((4, 5, 3), np.uint8)


class AsForMMEngine(BaseVisBackend):
    """Written as MMEngine's guide shows it."""

    def __init__(self, save_dir):
        super().__init__(save_dir)
        self.calls: list = []

    def _init_env(self):
        self._log = self.calls

    @property
    @force_init_env
    def experiment(self):
        return self._log

    @force_init_env
    def add_config(self, config, **kwargs):
        self._log.append(("config", dict(config)))

    @force_init_env
    def add_graph(self, model, data_batch, **kwargs):
        self._log.append(("graph", model, data_batch))

    @force_init_env
    def add_image(self, name, image, step=0, **kwargs):
        self._log.append(("image", name, image.shape, step))

    @force_init_env
    def add_scalar(self, name, value, step=0, **kwargs):
        self._log.append(("scalar", name, value, step))

    @force_init_env
    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs):
        self._log.append(("scalars", dict(scalar_dict), step, file_path))


def test_a_backend_of_five_methods_gets_them_called(tmp_path):
    backend = AsForMMEngine(str(tmp_path))
    with Visualizer(vis_backends=backend) as vis:
        vis.add_config({"a": 1})
        vis.add_graph("net", "batch")
        vis.add_image("p", PICTURE, 3)
        vis.add_scalar("loss", 0.5, 4)
        vis.add_scalars({"a": 1.0}, 5, file_path="x.json")
    assert backend.experiment == [
        ("config", {"a": 1}),
        ("graph", "net", "batch"),
        ("image", "p", (4, 5, 3), 3),
        ("scalars", {"loss": 0.5}, 4, None),
        ("scalars", {"a": 1.0}, 5, "x.json"),
    ]


class OnlyPictures(BaseVisBackend):
    def __init__(self):
        super().__init__()
        self.shown: list = []

    @property
    def experiment(self):
        return self.shown

    def add_image(self, name, image, step=0):
        self.shown.append((name, image.shape, step))


class OnlyNumbers(BaseVisBackend):
    def __init__(self):
        super().__init__()
        self.seen: list = []

    @property
    def experiment(self):
        return self.seen

    def add_scalar(self, name, value, step=0):
        self.seen.append((name, value, step))

    def add_text(self, record):
        self.seen.append(record)


def test_what_can_be_drawn_is_handed_on_as_a_picture():
    backend = OnlyPictures()
    coords = np.random.default_rng(0).normal(size=(20, 2)).astype(np.float32)
    backend.write(Embedding("map", coords, step=2))
    ((name, shape, step),) = backend.shown
    assert (name, step, len(shape)) == ("map", 2, 3)


@pytest.mark.parametrize(
    "record", [Scalars({"a": 1.0}), Table("t", {"a": [1]}), Text("n", "x"), Config({}, ""), Graph(None)]
)
def test_what_a_backend_has_no_place_for_is_refused_by_name(record):
    with pytest.raises(UnsupportedRecordError, match=f"OnlyPictures has no place for records of kind '{record.kind}'"):
        OnlyPictures().write(record)


def test_refusals_are_said_once_and_counted(caplog):
    backend = OnlyPictures()
    with Visualizer(vis_backends=backend) as vis:
        for step in range(5):
            vis.add_scalar("a", 1.0, step)
        vis.add_image("p", PICTURE)
    assert len(backend.shown) == 1
    messages = [record.getMessage() for record in caplog.records]
    assert messages == [
        "OnlyPictures: OnlyPictures has no place for records of kind 'scalars'",
        "OnlyPictures: 5 times: OnlyPictures has no place for records of kind 'scalars'",
    ]


def test_scalars_go_one_by_one_to_a_backend_that_wants_them_so():
    backend, text = OnlyNumbers(), Text("n", "words")
    backend.write(Scalars({"a": 1.0, "b": 2.0}, 3))
    backend.write(text)
    assert backend.seen == [("a", 1.0, 3), ("b", 2.0, 3), text]
    with pytest.raises(UnsupportedRecordError, match="kind 'picture'"):
        backend.write(Picture("p", PICTURE))
    with pytest.raises(UnsupportedRecordError, match="OnlyNumbers does not define add_image, nor write"):
        backend.add_image("p", PICTURE)


class OnlyWrite(BaseVisBackend):
    def __init__(self):
        super().__init__()
        self.records: list[Record] = []
        self.set_up = 0

    def _init_env(self):
        self.set_up += 1

    @property
    @force_init_env
    def experiment(self):
        return self

    def write(self, record):
        self.records.append(record)


def test_with_write_the_five_methods_make_records():
    backend = OnlyWrite()
    backend.add_config({"a": 1})
    backend.add_graph("net")
    backend.add_image("p", PICTURE, 1)
    backend.add_scalar("a", 1.0, 2)
    backend.add_scalars({"b": 2.0}, 3)
    assert [record.kind for record in backend.records] == ["config", "graph", "picture", "scalars", "scalars"]
    assert backend.experiment is backend
    assert backend.set_up == 1


def test_experiment_must_be_defined():
    class Nothing(BaseVisBackend):
        pass

    with pytest.raises(TypeError, match="abstract"):
        Nothing()


def test_a_local_folder_of_another_name_is_itself_the_run(tmp_path):
    backend = LocalVisBackend(
        str(tmp_path), img_save_dir="images", config_save_file="c.py", scalar_save_file="numbers.json"
    )
    backend.add_scalar("map", 0.9, 1)
    backend.add_image("img", PICTURE, 2)
    backend.add_config({"a": 1})
    backend.close()
    assert {p.name for p in tmp_path.iterdir()} >= {"run.json", "numbers.json", "images", "c.py", "media.jsonl"}
    run = open_run(tmp_path)
    assert run.scalars("map").value.tolist() == [0.9]
    assert run.pictures[0].path == tmp_path / "images" / "img_2.png"


@pytest.mark.parametrize("names", [{"config_save_file": "a.txt"}, {"scalar_save_file": "a.yaml"}])
def test_file_names_of_other_kinds_are_refused(tmp_path, names):
    from selfscope.errors import RunError

    with pytest.raises(RunError, match="expected a file name that ends in"):
        LocalVisBackend(str(tmp_path), **names)


class Doubled(LocalVisBackend):
    """Changes what it is given and hands it to its parent class, as subclasses of MMEngine's backends do."""

    def add_scalars(self, scalar_dict, step=0, file_path=None, **kwargs):
        super().add_scalars({f"{tag}/doubled": 2 * value for tag, value in scalar_dict.items()}, step, file_path)

    def add_image(self, name, image, step=0, **kwargs):
        super().add_image(f"{name}/flipped", image[::-1], step)


class DoubledNumbers(TensorboardVisBackend):
    def add_scalar(self, name, value, step=0, **kwargs):
        super().add_scalar(name, 2 * value, step)


class Filtered(Doubled):
    def write(self, record):
        if record.step != 2:
            super().write(record)


@pytest.mark.parametrize(("kind", "steps"), [(Doubled, [1, 2]), (Filtered, [1])])
def test_a_subclass_of_a_shipped_backend_changes_what_is_stored(tmp_path, kind, steps):
    picture = np.arange(60, dtype=np.uint8).reshape(4, 5, 3)
    with Visualizer(vis_backends={"type": kind}, save_dir=tmp_path, trust=True) as vis:
        for step in (1, 2):
            vis.write(Scalars({"loss": 0.5}, step, wall_time=1000.0))
            vis.add_image("p", picture, step, caption="words")
        vis.add_text("note", "x")
    run = open_run(tmp_path)
    assert set(run.scalars()) == {"loss/doubled"}
    assert run.scalars("loss/doubled").value.tolist() == [1.0] * len(steps)
    assert run.scalars("loss/doubled").wall_time.tolist() == [1000.0] * len(steps)
    assert [(entry.key, entry.step, entry.caption) for entry in run.pictures] == [
        ("p/flipped", step, "words") for step in steps
    ]
    np.testing.assert_array_equal(decode_picture(run.pictures[0].path), picture[::-1])
    assert [entry.key for entry in run.texts] == ["note"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_subclass_may_change_each_number(tmp_path):
    from tests.visualization.test_tensorboard import read

    with Visualizer(vis_backends=DoubledNumbers(str(tmp_path))) as vis:
        vis.add_scalars({"a": 1.0, "b": 2.0}, 3)
    events = read(tmp_path)
    assert [(e.step, e.value) for tag in ("a", "b") for e in events.Scalars(tag)] == [(3, 2.0), (3, 4.0)]


class NoBase:
    """As MMEngine takes backends: an object with its methods and no base class."""

    def __init__(self) -> None:
        self.calls: list = []

    @property
    def experiment(self) -> list:
        return self.calls

    def add_config(self, config, **kwargs):
        self.calls.append(("config", config))

    def add_graph(self, model, data_batch, **kwargs):
        self.calls.append(("graph", type(model).__name__, data_batch.shape))

    def add_image(self, name, image, step=0, **kwargs):
        self.calls.append(("image", name, image.shape, step))

    def add_scalar(self, name, value, step=0, **kwargs):
        self.calls.append(("scalar", name, value, step))

    def close(self) -> None:
        self.calls.append(("close",))


def test_an_object_without_a_base_class_is_a_backend(caplog):
    native = NoBase()
    with Visualizer(vis_backends=native) as vis:
        assert vis.get_backend("NoBase") is native
        vis.add_config({"a": 1})
        vis.add_graph(torch.nn.Linear(2, 3), np.zeros((1, 2)))
        vis.add_image("p", np.zeros((4, 5, 3), np.uint8), 2)
        vis.add_scalars({"map": 0.5, "acc": 1.0}, 3)
        vis.add_text("n", "words")
    assert native.calls == [
        ("config", {"a": 1}),
        ("graph", "Linear", (1, 2)),
        ("image", "p", (4, 5, 3), 2),
        ("scalar", "map", 0.5, 3),
        ("scalar", "acc", 1.0, 3),
        ("close",),
    ]
    assert "NoBase has no place for records of kind 'text'" in caplog.text
