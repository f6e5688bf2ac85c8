"""One loop, five trackers at once, each read back from its own storage."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from selfscope.store.encode import decode_picture
from selfscope.store.reader import open_run
from selfscope.visualization.backends.check import Stored
from selfscope.visualization.visualizer import Visualizer
from tests.visualization.fakes import Remembering, fail

pytestmark = [
    *(
        pytest.mark.skipif(find_spec(p) is None, reason=f"needs {p}")
        for p in ("tensorboard", "wandb", "mlflow", "trackio")
    ),
    pytest.mark.filterwarnings("ignore"),
    pytest.mark.slow,
]

STEPS = 60
LOSSES = np.random.default_rng(0).random(STEPS).astype(np.float32).tolist()
PHOTOS = {
    step: np.random.default_rng(step).integers(0, 256, (9, 14, 3), dtype=np.uint8) for step in range(0, STEPS, 20)
}
EVERY = ("LocalVisBackend", "TensorboardVisBackend", "WandbVisBackend", "MLflowVisBackend", "TrackioVisBackend")


@pytest.fixture
def five(tmp_path, mlflow_tables, monkeypatch) -> Callable[..., Visualizer]:
    """Makes a visualizer over the five, one of which may give its place to a backend that misbehaves."""
    monkeypatch.setenv("WANDB_SILENT", "true")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    mlflow_tables(tmp_path / "vis_data")
    trackio = {"project": tmp_path.name, "auto_log_cpu": False}
    arguments = {
        "WandbVisBackend": {"init_kwargs": {"mode": "offline", "project": "tests"}},
        "TrackioVisBackend": {"init_kwargs": trackio},
    }

    def make(replaced: str | None = None, by: Remembering | None = None) -> Visualizer:
        kept = [{"type": name, **arguments.get(name, {})} for name in EVERY if name != replaced]
        return Visualizer(vis_backends=[*kept, *([] if by is None else [by])], save_dir=tmp_path)

    return make


def loop(vis: Visualizer) -> float:
    """A training loop; the longest that one call took, in seconds."""
    longest = 0.0
    for step, loss in enumerate(LOSSES):
        started = time.perf_counter()
        vis.add_scalars({"train/loss": loss, "lr": 0.5}, step)
        if step in PHOTOS:
            vis.add_image("val/p", PHOTOS[step], step)
        longest = max(longest, time.perf_counter() - started)
        time.sleep(0.001)
    return longest


def read(name: str, folder: Path, project: str) -> Stored:
    """What a tracker holds, by its own files."""
    return {
        "LocalVisBackend": read_local,
        "TensorboardVisBackend": read_tensorboard,
        "WandbVisBackend": read_wandb,
        "MLflowVisBackend": read_mlflow,
        "TrackioVisBackend": lambda folder: read_trackio(project),
    }[name](folder)


def read_local(folder: Path) -> Stored:
    run = open_run(folder)
    series = run.scalars()
    scalars = {tag: list(zip(s.step.tolist(), s.value.tolist(), strict=True)) for tag, s in series.items()}
    return Stored(scalars, {"val/p": [(entry.step, decode_picture(entry.path)) for entry in run.pictures]})


def read_tensorboard(folder: Path) -> Stored:
    from tests.visualization.test_tensorboard import read

    events = read(folder / "vis_data")
    scalars = {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in ("train/loss", "lr")}
    pictures = [(e.step, np.asarray(Image.open(io.BytesIO(e.encoded_image_string)))) for e in events.Images("val/p")]
    return Stored(scalars, {"val/p": pictures})


def read_wandb(folder: Path) -> Stored:
    from tests.visualization.test_wandb import Offline

    there = Offline(folder / "vis_data")
    pictures = [(step, np.asarray(Image.open(there.files / image["path"]))) for step, image in there.series("val/p")]
    return Stored({tag: there.series(tag) for tag in ("train/loss", "lr")}, {"val/p": pictures})


def read_mlflow(folder: Path) -> Stored:
    from tests.visualization.test_mlflow import Database

    database = Database(folder / "vis_data")
    return Stored(database.scalars(), {"val/p": database.pictures("val/p")})


def read_trackio(name: str) -> Stored:
    from tests.visualization.test_trackio import Project

    project = Project(name)
    return Stored(project.scalars(), {"val/p": project.pictures("val/p")})


def assert_complete(stored: Stored) -> None:
    assert list(stored.scalars["train/loss"]) == list(enumerate(LOSSES))
    assert list(stored.scalars["lr"]) == [(step, 0.5) for step in range(STEPS)]
    assert [step for step, _ in stored.pictures["val/p"]] == list(PHOTOS)
    for step, pixels in stored.pictures["val/p"]:
        np.testing.assert_array_equal(pixels, PHOTOS[step])


def messages(caplog) -> list[str]:
    return [
        r.getMessage() for r in caplog.records if r.name.startswith("selfscope") and "Remembering" in r.getMessage()
    ]


def test_all_five_hold_the_same(five, tmp_path):
    with five() as vis:
        loop(vis)
    for name in EVERY:
        assert_complete(read(name, tmp_path, tmp_path.name))


@pytest.mark.parametrize("replaced", ["LocalVisBackend", "TensorboardVisBackend"])
def test_one_that_raises_at_every_call_costs_a_warning_and_a_count(five, tmp_path, replaced, caplog, quick):
    with five(replaced, Remembering(fail)) as vis:
        loop(vis)
    for name in EVERY:
        if name != replaced:
            assert_complete(read(name, tmp_path, tmp_path.name))
    first, last = messages(caplog)
    assert first == "Remembering: ConnectionError: the tracker is down; it is tried again, the others go on"
    assert last.startswith(f"Remembering: {STEPS + len(PHOTOS)} records were not handed over (ConnectionError: the")


def test_one_that_hangs_costs_the_others_nothing_and_close_returns_in_its_time(five, tmp_path, caplog):
    release = threading.Event()
    vis = five("TrackioVisBackend", Remembering(lambda record: release.wait(60) and None))
    longest = loop(vis)
    started = time.perf_counter()
    vis.close(timeout=6.0)
    assert time.perf_counter() - started < 8.0
    assert longest < 0.5
    for name in EVERY[:-1]:
        assert_complete(read(name, tmp_path, tmp_path.name))
    (message,) = messages(caplog)
    assert message.startswith(f"Remembering: {STEPS + len(PHOTOS)} records were not handed over (it did not end within")
    release.set()


def test_one_that_sleeps_ten_seconds_a_call_does_not_slow_the_caller(five, tmp_path):
    asleep = threading.Event()

    def sleep(record) -> None:
        asleep.set()
        time.sleep(10)

    vis = five("MLflowVisBackend", Remembering(sleep))
    vis.add_text("note", "first")
    assert asleep.wait(5)
    assert loop(vis) < 0.5
    vis.close(timeout=4.0)
    for name in ("LocalVisBackend", "TensorboardVisBackend", "WandbVisBackend", "TrackioVisBackend"):
        assert_complete(read(name, tmp_path, tmp_path.name))
